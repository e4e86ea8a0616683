package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/migrate/state"
)

// Endpoints keeps in the state what endpoints were seen to do. Runs add what
// they find out; they do not rest on what others found out before.
type Endpoints struct{ Home state.Home }

var _ doctor.Cache = Endpoints{}

const endpointSchema = "residency/endpoint/1"

type endpointRecord struct {
	Schema   string                     `json:"schema"`
	Endpoint string                     `json:"endpoint"`
	Seen     map[string]doctor.Sighting `json:"seen"`
}

func endpointFile(endpoint string) string {
	sum := sha256.Sum256([]byte(endpoint))
	return "endpoints/" + hex.EncodeToString(sum[:8]) + ".json"
}

// Recall implements doctor.Cache.
func (e Endpoints) Recall(ctx context.Context, endpoint string) (map[string]doctor.Sighting, error) {
	var r endpointRecord
	err := state.GetJSON(ctx, e.Home, endpointFile(endpoint), &r)
	if errors.Is(err, state.ErrNotFound) || err == nil && (r.Schema != endpointSchema || r.Endpoint != endpoint) {
		return nil, nil
	}
	return r.Seen, err
}

// Remember implements doctor.Cache. What is not seen anew stays as it was.
func (e Endpoints) Remember(ctx context.Context, endpoint string, seen map[string]doctor.Sighting) error {
	before, err := e.Recall(ctx, endpoint)
	if err != nil && !errors.Is(err, state.ErrDamaged) {
		return err
	}
	all := maps.Clone(before)
	if all == nil {
		all = make(map[string]doctor.Sighting)
	}
	maps.Copy(all, seen)
	return state.PutJSON(ctx, e.Home, endpointFile(endpoint), endpointRecord{Schema: endpointSchema, Endpoint: endpoint,
		Seen: all})
}
