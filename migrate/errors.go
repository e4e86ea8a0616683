package migrate

import (
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/changes"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/reserve"
)

// ErrCoupled reports that what is done at one end of a move shows at the other.
var ErrCoupled = reserve.ErrCoupled

// ErrUnconditional reports a destination whose service takes no conditional writes.
var ErrUnconditional = reserve.ErrUnconditional

// What callers decide on.
var (
	ErrBlocked = errors.New("the plan has blockers")
	// ErrTransit reports that bytes would pass through where none may.
	ErrTransit     = remedy.New("the plan streams, and --no-transit does not let it here", plan.TransitRemedy)
	ErrEraseBarred = remedy.New("the source cannot be erased",
		"remove that obstacle at the source, or copy without erasing (migrate --keep-source)")
	ErrDrift        = changes.ErrDrift
	ErrUnexplained  = changes.ErrUnexplained
	ErrVersions     = changes.ErrVersions
	ErrVerification = phase.ErrVerification
	ErrPartial      = phase.ErrPartial
	ErrStuck        = phase.ErrStuck
	ErrStale        = phase.ErrStale
	ErrNotEmpty     = remedy.New("the source is not empty",
		"run the same command again: it copies what is new and erases what can be erased by then; --fence denies "+
			"writes to the source meanwhile")
	ErrNotFenced = remedy.New("writes to the source were not blocked",
		"stop whoever writes there and run the command with --fence, which goes on without a fence where it is not "+
			"possible; nothing was erased")
	ErrReserved = remedy.New("another migration that has not ended is writing to the source",
		"finish or abort that migration, then run the same command again. If its state is lost, abort its unfinished "+
			"upload .residency-reservation by hand")
	ErrLeftOut = remedy.Wrap(fmt.Errorf("%w: it has entries that its server cannot list under their keys, which "+
		"the plan leaves out", ErrNotEmpty),
		"rename these keys at the source, with a tool that lists them correctly; then run the same command again, "+
			"which moves them too")
	// ErrKept is a kind of ErrNotEmpty: the listing is empty, and the service keeps for a time what
	// was deleted.
	ErrKept = remedy.Wrap(fmt.Errorf("%w yet: its service keeps what was deleted", ErrNotEmpty),
		"run the same command again when it is gone, which certifies that; a change of the service's soft delete does not "+
			"touch what is deleted already")
	ErrNotCopied = remedy.New("the plan has not been copied",
		"residency migrate --plan ID copies and verifies first")
	ErrChanged = phase.ErrChanged
	ErrSpoiled = remedy.New("the destination no longer shows what was written",
		"find out who changes the destination; then residency migrate --plan ID copies what is missing again, as long "+
			"as the source is untouched")
	ErrRedirects   = fmt.Errorf("%w: website redirects may have been lost", ErrVerification)
	ErrSpoiledLate = remedy.Wrap(fmt.Errorf("%w, and the erase has begun", ErrSpoiled),
		"what is erased at the source cannot be copied again: find out who changes the destination; a delete marker on "+
			"top can be removed, and the same command then goes on. A copy that is put back from elsewhere has another version "+
			"ID, which this plan never takes for its own; what is still at the source, residency plan and migrate --plan with "+
			"the new ID move")
)

// What some of them say more of.
type (
	// Drift is how the source differs from the plan, in entries.
	Drift = changes.Drift
	// DriftError is an ErrDrift that says what differs.
	DriftError = changes.DriftError
	// UnexplainedError is an ErrUnexplained that says what is gone.
	UnexplainedError = changes.UnexplainedError
)
