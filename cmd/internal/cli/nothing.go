package cli

import (
	"fmt"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/regions"
)

// nothing is a result of a command that had nothing to do.
type nothing struct {
	Schema      string  `json:"schema"`
	Plan        *string `json:"plan"` // that did it before; null: none did
	Customer    string  `json:"customer"`
	Destination string  `json:"destination"`
	Reason      string  `json:"reason"`
	// Missing says what plans have moved to where nothing is any more.
	Missing []string `json:"missing"`
}

// nothingToDo says why there is nothing to do.
func (a *app) nothingToDo(n nothing) error {
	n.Schema, n.Missing = "residency/nothing/1", notNil(n.Missing)
	if a.output == "json" {
		return a.json(n)
	}
	_, err := fmt.Fprintln(a.Out, render.Wrap("Nothing to do: "+render.Text(n.Reason)+".", a.page.Loose, "  "))
	return err
}

// nothingToMove is the result of a plan that would be of nothing, for programs: people
// have the error.
func (a *app) nothingToMove(d regions.Resolution, customer string, why error) error {
	if a.output != "json" {
		return nil
	}
	return a.nothingToDo(nothing{Customer: customer, Destination: d.Place.Provider + ":" + d.Place.Code,
		Reason: why.Error()})
}
