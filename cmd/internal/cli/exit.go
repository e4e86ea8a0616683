package cli

import (
	"cmp"
	"errors"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/regions"
)

// Exit codes; scripts rely on them.
const (
	exitOK           = 0
	exitPartial      = 1
	exitUsage        = 2
	exitPolicy       = 3
	exitRefused      = 4
	exitVerification = 5
	exitNotEmpty     = 6
	exitLeased       = 7
)

// usageError is a fault of the command line or the configuration.
type usageError struct {
	err    error
	remedy string
}

func (e *usageError) Error() string  { return e.err.Error() }
func (e *usageError) Unwrap() error  { return e.err }
func (e *usageError) Remedy() string { return cmp.Or(e.remedy, remedy.For(e.err)) }

// refusedError is a refusal, with what to do instead.
type refusedError struct {
	err    error
	remedy string
}

func (e *refusedError) Error() string  { return e.err.Error() }
func (e *refusedError) Unwrap() error  { return e.err }
func (e *refusedError) Remedy() string { return cmp.Or(e.remedy, remedy.For(e.err)) }

// eraseError is one of the erase step alone, with the command that also copies.
type eraseError struct {
	err     error
	carries string
}

func (e *eraseError) Error() string { return e.err.Error() }
func (e *eraseError) Unwrap() error { return e.err }

func (e *eraseError) Remedy() string {
	said := remedy.For(e.err)
	if said == remedy.For(migrate.ErrNotEmpty) {
		return e.carries + " copies what is new and erases what can be erased by then; erase alone copies nothing"
	}
	return said
}

// silentError is one whose text is on the screen already.
type silentError struct{ err error }

func (e *silentError) Error() string { return e.err.Error() }
func (e *silentError) Unwrap() error { return e.err }

var (
	errPolicy     = errors.New("data outside the allowed jurisdictions")
	errIncomplete = remedy.New("some places could not be checked",
		"the places that were not checked are listed with the reason; grant access, correct the configuration, or wait "+
			"until the service answers; then run the command again")
	errUnclear = remedy.New("whether all data is within the policy is not clear",
		"the findings name the buckets: correct their tags, or what the configuration says of them")
	errApproval = errors.New("approval missing")
)

// exitCode is the one place that chooses it.
func exitCode(err error) int {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	var usage *usageError
	var refused *refusedError
	var fault *config.Error
	switch {
	case is(migrate.ErrCertificate, errUnsound): // whatever is wrong with it
		return exitVerification
	case errors.As(err, &refused), is(errApproval, objectstore.ErrOwner, objectstore.ErrUnlistable, migrate.ErrBlocked,
		migrate.ErrChanged, migrate.ErrDrift, plan.ErrNothing, migrate.ErrNotFenced, migrate.ErrNotCopied, migrate.ErrErasing,
		migrate.ErrAborting, migrate.ErrTransit, migrate.ErrCoupled, audit.ErrEarlier, migrate.ErrUnconditional,
		plan.ErrClaimed,
		regions.ErrUS, regions.ErrUnknownRegion, regions.ErrNotOffered, regions.ErrPartition, regions.ErrUnknownPlace,
		regions.ErrAmbiguous):
		return exitRefused
	case errors.As(err, &usage), errors.As(err, &fault),
		is(regions.ErrPolicy, objectstore.ErrInsecure, objectstore.ErrSettings, objectstore.ErrAmbient,
			plan.ErrNoPlan, plan.ErrAmbiguous,
			state.ErrDamaged, state.ErrUnguarded):
		return exitUsage
	case is(errPolicy):
		return exitPolicy
	case is(migrate.ErrVerification):
		return exitVerification
	case is(migrate.ErrNotEmpty, migrate.ErrVanished, migrate.ErrStays, migrate.ErrLookDeleted, migrate.ErrUnexplained):
		return exitNotEmpty
	case is(state.ErrLeased, state.ErrLeaseLost):
		return exitLeased
	}
	return exitPartial
}
