package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/migrate/state"
)

// errFolder refuses what a check does not do.
var errFolder = errors.New("evidence is only read")

// folder is a plan's directory, wherever it was copied to, as a state that has only this one
// plan: a name's first part, which is the plan's ID, is not looked at.
type folder struct{ home state.Home }

// Folder returns a plan's directory as a state.
func Folder(path string) state.Home { return folder{state.NewDir(path)} }

// inState is a plan's directory within a state.
type inState struct {
	folder
	plan string
}

// InState returns the directory of a plan in a state, wherever that is, as Folder does that of a
// copy.
func InState(home state.Home, plan string) state.Home { return inState{folder{home}, plan} }

func (s inState) Get(ctx context.Context, name string) ([]byte, error) {
	_, rest, ok := strings.Cut(name, "/")
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, state.ErrNotFound)
	}
	return s.home.Get(ctx, s.plan+"/"+rest)
}

// folded is a name as a folder takes it.
func folded(name string) string { return "plan/" + name }

func (f folder) Get(ctx context.Context, name string) ([]byte, error) {
	_, rest, ok := strings.Cut(name, "/")
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, state.ErrNotFound)
	}
	return f.home.Get(ctx, rest)
}

func (f folder) String() string { return f.home.String() }

func (folder) Put(context.Context, string, []byte) error         { return errFolder }
func (folder) PutIfAbsent(context.Context, string, []byte) error { return errFolder }
func (folder) List(context.Context, string) ([]string, error)    { return nil, errFolder }
func (folder) Remove(context.Context, ...string) error           { return errFolder }
func (folder) Lease(context.Context, string) (context.Context, func() error, error) {
	return nil, nil, errFolder
}
