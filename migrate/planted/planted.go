// Package planted has bugs to be switched on, one at a time, in builds with the
// tag planted; in all others On is the constant false and nothing of them is
// compiled in. They are the test of the simulation: it must catch each.
package planted

// Bug is one of them, by the name under which RESIDENCY_PLANTED switches it on.
type Bug string

// The bugs.
const (
	SkipGate         Bug = "skip-gate"           // erase without looking at either end again
	BlindGate        Bug = "blind-gate"          // the gate does not list the destination
	IgnoreDrift      Bug = "ignore-drift"        // the gate takes the source for what was planned
	DropLastPage     Bug = "drop-last-page"      // the gate's listings end with the plan's last key
	DeleteByKey      Bug = "delete-by-key"       // deletions name no version
	AnyETag          Bug = "any-etag"            // conditional deletions name no ETag
	StaleMarker      Bug = "stale-marker"        // a null delete marker is not looked at before it is deleted
	IgnoreKeyErrors  Bug = "ignore-key-errors"   // what DeleteObjects says of single keys
	AssumeEmpty      Bug = "assume-empty"        // what is left at the source is not counted
	EraseUnverified  Bug = "erase-unverified"    // verdicts do not matter
	TrustSize        Bug = "trust-size"          // a copy of the right size is verified
	IgnoreAttributes Bug = "ignore-attributes"   // attributes and tags are not compared
	Reorder          Bug = "reorder"             // histories are copied newest first
	Overwrite        Bug = "overwrite"           // writes are not guarded
	WriteTwice       Bug = "write-twice"         // a lost answer is taken for a failure
	EarlyReceipts    Bug = "early-receipts"      // receipts say verified before anything is
	ForgetSync       Bug = "forget-sync"         // a state file's bytes are not synced
	ForgetDirSync    Bug = "forget-dir-sync"     // a state file's name is not synced
	ForgetParents    Bug = "forget-parents-sync" // a new directory's own name is not synced
	TrustSeen        Bug = "trust-seen"          // a state file that an earlier run left counts as durable
	SkipUnproven     Bug = "skip-unproven"       // a segment with any receipts counts as copied
	IgnoreLease      Bug = "ignore-lease"        // a run that stood still beyond its lease goes on
	StealLease       Bug = "steal-lease"         // a lease is taken before it has ended
	AbortFound       Bug = "abort-found"         // an abort removes what it found at the destination, too
)

// Bugs lists them all.
func Bugs() []Bug {
	return []Bug{
		SkipGate, BlindGate, IgnoreDrift, DropLastPage, DeleteByKey, AnyETag, StaleMarker, IgnoreKeyErrors, AssumeEmpty, EraseUnverified,
		TrustSize, IgnoreAttributes, Reorder, Overwrite, WriteTwice, EarlyReceipts, TrustSeen, ForgetSync, ForgetDirSync, ForgetParents, SkipUnproven,
		IgnoreLease, StealLease, AbortFound,
	}
}
