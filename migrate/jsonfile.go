package migrate

import (
	"context"
	"encoding/json"
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
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %s: %w", state.ErrDamaged, name, err)
	}
	return nil
}
