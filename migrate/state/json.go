package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// PutJSON stores a value as JSON that people can read.
func PutJSON(ctx context.Context, home Home, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return home.Put(ctx, name, append(data, '\n'))
}

// GetJSON reads what PutJSON has stored. ErrDamaged if it is anything else.
func GetJSON(ctx context.Context, home Home, name string, v any) error {
	data, err := home.Get(ctx, name)
	if err != nil {
		return err
	}
	if err := DecodeJSON(data, v); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	return nil
}

// DecodeJSON reads what PutJSON has written, and nothing else: a file whose
// fields come twice, are unknown or are spelled otherwise reads differently to
// a person, or to another program, than to this one.
func DecodeJSON(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	again, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if !bytes.Equal(append(again, '\n'), data) {
		return errors.New("it is not in the form that this program writes: it has unknown or duplicate fields, or another " +
			"form")
	}
	return nil
}
