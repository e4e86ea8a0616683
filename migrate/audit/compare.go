package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// Compare derives a certificate from an account once more, and names in which fields it says
// something else: nothing but its own word says what is not derived.
func (a *Account) Compare(ctx context.Context, r *record.Record, said *certificate.Certificate) ([]string, error) {
	derived := *said
	a.Derive(r, &derived)
	if said.Others == nil && said.Covered == nil && said.UploadsAborted == nil {
		derived.Others, derived.Covered, derived.UploadsAborted = nil, nil, nil
	}
	if said.Schema != certificate.Schema1 {
		return differing(said, &derived)
	}
	// It has a list of files, and lacks what came since.
	derived.Evidence, derived.Countries, derived.Moves = said.Evidence, said.Countries, slices.Clone(derived.Moves)
	for i := range derived.Moves {
		m := &derived.Moves[i]
		m.Verified, m.Erased, m.SourceLeft, m.Found = 0, 0, 0, 0
	}
	derived.SourceEmpty, derived.Found, derived.Left = said.SourceEmpty, said.Found, said.Left
	derived.Added, derived.Actors, derived.Endpoints, derived.Findings = said.Added, said.Actors, said.Endpoints,
		said.Findings
	counted := derived.Transit
	derived.Transit = said.Transit
	derived.Transit.Streamed, derived.Transit.ServerSide = counted.Streamed, counted.ServerSide
	names, err := differing(said, &derived)
	if err != nil {
		return nil, err
	}
	for _, f := range said.Evidence.Listed {
		data, err := r.Home.Get(ctx, r.Name(f.Name))
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return nil, err
		}
		if err != nil || state.Digest(data) != f.SHA256 {
			names = append(names, "evidence of "+f.Name)
		}
	}
	return names, nil
}

// differing names the fields in which two certificates differ, as JSON has them.
func differing(a, b *certificate.Certificate) (names []string, err error) {
	var fields [2]map[string]any
	for i, c := range []*certificate.Certificate{a, b} {
		data, err := json.Marshal(c)
		if err == nil {
			err = json.Unmarshal(data, &fields[i])
		}
		if err != nil {
			return nil, fmt.Errorf("compare certificates: %w", err)
		}
	}
	for name, value := range fields[0] {
		if !reflect.DeepEqual(value, fields[1][name]) {
			names = append(names, name)
		}
	}
	for name := range fields[1] {
		if _, there := fields[0][name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
