package migrate

import (
	"context"

	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/changes"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/probe"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/reserve"
)

// work is one run of one plan. Its phases are its methods, which alone write the result,
// and functions that are given what they need.
type work struct {
	run         *phase.Run
	reservation *reserve.Reservation
	probes      *probe.Prober
	tagging     *tagging
	sourceCheck *changes.Check
	budget      *copier.Budget
	result      *Result
	tool        string
	actor       certificate.Actor
	approval    string
	catalog     certificate.Catalog
	signers     []attest.Signer
	stamp       audit.Stamp
	spent       spending
	report      func(context.Context, *record.Record) ([]byte, error)

	// unsettled is how the source differs from the last pass that was to be made.
	unsettled changes.Drift
}
