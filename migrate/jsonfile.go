package migrate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/residency/residency/migrate/state"
)

func putJSON(ctx context.Context, home state.Home, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return home.Put(ctx, name, append(data, '\n'))
}

func getJSON(ctx context.Context, home state.Home, name string, v any) error {
	data, err := home.Get(ctx, name)
	if err != nil {
		return err
	}
	if err := decodeJSON(data, v); err != nil {
		return fmt.Errorf("%w: %s: %w", state.ErrDamaged, name, err)
	}
	return nil
}

// decodeJSON reads what putJSON has written, and nothing else: a file whose
// fields come twice, are unknown or are spelled otherwise reads differently to
// a person, or to another program, than to this one.
func decodeJSON(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	again, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if !bytes.Equal(append(again, '\n'), data) {
		return errors.New("it is not as this program writes it: fields are unknown, twice, or in another form")
	}
	return nil
}
