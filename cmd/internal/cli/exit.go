package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/migrate"
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
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// refusedError is a refusal, with what to do instead.
type refusedError struct {
	err  error
	hint string
}

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// eraseError is one of the erase step alone, with the command that also copies.
type eraseError struct {
	err     error
	carries string
}

func (e *eraseError) Error() string { return e.err.Error() }
func (e *eraseError) Unwrap() error { return e.err }

// silentError is one whose text is on the screen already.
type silentError struct{ err error }

func (e *silentError) Error() string { return e.err.Error() }
func (e *silentError) Unwrap() error { return e.err }

var (
	errPolicy     = errors.New("data outside of the allowed jurisdictions")
	errIncomplete = errors.New("not everything could be looked at")
	errApproval   = errors.New("approval missing")
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
	case errors.As(err, &refused), is(errApproval, objectstore.ErrOwner, objectstore.ErrUnlistable, migrate.ErrBlocked, migrate.ErrChanged, migrate.ErrDrift, migrate.ErrNothing, migrate.ErrNotCopied, migrate.ErrErasing, migrate.ErrAborting, migrate.ErrCoupled, migrate.ErrClaimed,
		regions.ErrUS, regions.ErrUnknownRegion, regions.ErrNotOffered, regions.ErrUnknownPlace, regions.ErrAmbiguous):
		return exitRefused
	case errors.As(err, &usage), errors.As(err, &fault), is(regions.ErrPolicy, s3store.ErrInsecure, s3store.ErrAmbient, migrate.ErrNoPlan, migrate.ErrAmbiguous, state.ErrDamaged):
		return exitUsage
	case is(errPolicy):
		return exitPolicy
	case is(migrate.ErrVerification):
		return exitVerification
	case is(migrate.ErrNotEmpty, migrate.ErrUnexplained):
		return exitNotEmpty
	case is(state.ErrLeased, state.ErrLeaseLost):
		return exitLeased
	}
	return exitPartial
}

// remedy says what to do next about an error.
func remedy(err error) string {
	var usage *usageError
	var refused *refusedError
	var unexplained *migrate.UnexplainedError
	var alone *eraseError
	switch {
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &refused):
		return refused.hint
	case errors.Is(err, s3store.ErrAmbient):
		return "if that service is meant, configure it as a provider of type s3, with its endpoint, operator and the country of each region; else take the address away, or set AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"
	case errors.Is(err, objectstore.ErrClock):
		return "set this machine's clock, then run the same command again; it resumes"
	case errors.Is(err, objectstore.ErrOwner):
		return "choose another destination.bucket; or, if that account is meant, give it as the provider's account (a provider for each account)"
	case errors.Is(err, migrate.ErrLeftOut):
		return "rename these keys at the source, by what lists them as they are; then run the same command again, which moves them too"
	case errors.Is(err, objectstore.ErrUnlistable):
		return "rename such keys at the source, or plan again with --exclude-unlistable, which leaves them there and moves the rest"
	case errors.As(err, &unexplained):
		return fmt.Sprintf("residency status shows what other plans did; if another plan moved these entries, this one has nothing left to do: its copies may be the only ones. Only if their owners deleted them, migrate --plan ID --remove-outdated %d removes the copies too", unexplained.Entries())
	case errors.Is(err, migrate.ErrEraseBarred):
		return "lift that at the source, or copy without erasing, with migrate --keep-source"
	case errors.Is(err, migrate.ErrReplicates):
		return "turn that replication off and let what is under way end, then run the same command again; or set another destination.bucket and plan again, for copies of the plan's own"
	case errors.Is(err, migrate.ErrCoupled):
		return "see that the destination is a bucket of its own (destination.bucket, endpoints) and that no replication leads from the source into it; then plan again"
	case errors.Is(err, migrate.ErrClaimed):
		return "see whose the bucket is, and name what is each customer's through one provider; migrate --abort ID takes back the copies"
	case errors.Is(err, objectstore.ErrAllRefused):
		return "see with residency doctor and residency permissions what the credentials lack; then run the same command again, it resumes"
	case errors.Is(err, migrate.ErrSpoiledLate):
		return "no run can copy again what is erased at the source: find out who changes the destination, and put back there what it has beneath or in other places (a delete marker on top can be removed); then run the same command again, which looks at it first"
	case errors.Is(err, migrate.ErrSpoiled):
		return "find out who changes the destination; then residency migrate --plan ID copies again what is missing, as long as the source is untouched"
	case errors.Is(err, migrate.ErrSourceGone):
		return "find out who deleted it: what was copied stays, may be all that is left of it, and residency verify --plan ID looks at it. Do not make the bucket anew: an empty one looks like one whose owners deleted everything"
	case errors.Is(err, objectstore.ErrNoBucket):
		return "find out who deleted the bucket; then residency migrate --plan ID creates the destination anew and copies again what is missing, as long as the source is untouched"
	case objectstore.Outage(err):
		return "see with residency doctor whether the endpoint answers, then run the same command again; it resumes"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return "make room where the state is, then run the same command again; it resumes"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return "make the state's directory writable or name another one with --state, then run the same command again"
	case errors.Is(err, state.ErrLeaseLost):
		return "see with residency status whether another run goes on; if none does, run the same command again"
	case errors.Is(err, objectstore.ErrCredentials):
		return "check the profile or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then run the same command again; it resumes"
	case errors.Is(err, errIncomplete):
		return "the places not looked at are listed with their reason; give access or correct the configuration, and run it again"
	case errors.Is(err, state.ErrDamaged):
		return "restore the state from a copy; or move it away and run the same command again, which looks at both ends anew"
	case errors.Is(err, state.ErrLeased):
		return "wait for the other run to end (residency status shows those of this state); one that was killed keeps its lease until the time named: run the same command again then"
	case errors.Is(err, migrate.ErrAmbiguous):
		return "give the whole digest; residency status --plan ID shows it"
	case errors.Is(err, migrate.ErrVersions):
		return "as long as nothing is erased, residency migrate --abort ID takes back what this plan wrote; then plan again, for a destination with versions"
	case errors.Is(err, migrate.ErrChanged):
		return "residency plan writes a new plan of what is there now; look at it, and approve its digest"
	case errors.Is(err, migrate.ErrDrift):
		return "plan again, look at the new plan, and approve its digest"
	case errors.Is(err, migrate.ErrNotCopied):
		return "residency migrate --plan ID copies and verifies first"
	case errors.Is(err, migrate.ErrAborting):
		return "residency migrate --abort ID ends it; the plan can be run again then"
	case errors.Is(err, migrate.ErrRestoring):
		return "run the same command again then; it goes on from here"
	case errors.Is(err, migrate.ErrReserved):
		return "let that migration end, or abort it; then run the same command again. If its state is lost, abort its unfinished upload, .residency-reservation, by hand"
	case errors.Is(err, migrate.ErrNotEmpty) && errors.As(err, &alone):
		return alone.carries + " carries what is new and erases what can go by then; the erase step alone carries nothing"
	case errors.Is(err, migrate.ErrNotEmpty):
		return "run the same command again: it carries what is new and erases what can go by then; --fence denies writes to the source meanwhile"
	case errors.Is(err, migrate.ErrStuck):
		return "change what the reasons name (--log-keys shows the keys): move away what is in the way at the destination, or give what is denied or missing; then the same command goes on. As long as nothing is erased, migrate --abort ID takes back what the plan wrote, and a new plan can name another destination.bucket"
	case errors.Is(err, migrate.ErrPartial):
		return "run the same command again; it does what is missing"
	case errors.Is(err, regions.ErrUS), errors.Is(err, regions.ErrUnknownRegion), errors.Is(err, regions.ErrNotOffered), errors.Is(err, regions.ErrAmbiguous):
		return "residency regions lists what there is"
	}
	return ""
}
