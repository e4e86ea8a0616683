package destination

import (
	"context"
	"fmt"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/parity"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
)

// early are the settings that a bucket has from the beginning; the others
// could hinder the copy, or delete it.
func early(name objectstore.Setting) bool {
	return name == objectstore.Encryption || name == objectstore.Ownership
}

// apply gives a destination bucket that this plan made the settings of the plan
// that it does not have. What others made is theirs to configure.
func apply(ctx context.Context, run *phase.Run, m plan.Move, first bool) error {
	if m.Exists {
		return nil
	}
	store := run.Destination()
	names := slices.DeleteFunc(objectstore.Settings(), func(s objectstore.Setting) bool {
		return early(s) != first || s == objectstore.PublicAccess
	})
	if first {
		if err := taking(ctx, run, m); err != nil {
			return err
		}
	} else {
		names = append(names, objectstore.PublicAccess) // last: it may refuse the policy
	}
	for _, name := range names {
		value := plan.WantedSetting(run.Plan.Parity, m, name)
		if value == nil {
			continue
		}
		now, err := store.Setting(ctx, m.Destination, name)
		if err != nil { // denied, too: what is there may be somebody else's
			return fmt.Errorf("%s of %s: %w", name, run.Plan.To(m), err)
		}
		if plan.EqualJSON(now, value) {
			continue
		}
		if err := store.SetSetting(ctx, m.Destination, name, value); err != nil {
			return fmt.Errorf("%s of %s: %w", name, run.Plan.To(m), err)
		}
	}
	return nil
}

// Finish sets what could not be set before all copies were proven.
func Finish(ctx context.Context, run *phase.Run) error {
	for _, m := range run.Plan.Moves {
		if err := apply(ctx, run, m, false); err != nil {
			return err
		}
	}
	return nil
}

// Parity reads back every setting that was to be carried.
func Parity(ctx context.Context, run *phase.Run) []certificate.Parity {
	var rows []certificate.Parity
	for _, x := range run.Plan.Parity {
		row := certificate.Parity{Bucket: x.Bucket, Setting: x.Setting, Outcome: x.Outcome, Detail: x.Detail}
		i := slices.IndexFunc(run.Plan.Moves, func(m plan.Move) bool { return plan.BucketName(m) == x.Bucket })
		if x.Value != nil && i >= 0 {
			now, err := run.Destination().Setting(ctx, run.Plan.Moves[i].Destination, objectstore.Setting(x.Setting))
			switch {
			case err != nil:
				row.Found = "not read: " + err.Error()
			case plan.EqualJSON(now, x.Value):
				row.Found = "equal"
			default:
				row.Found = "different"
			}
		}
		if x.Setting == plan.VersioningRow && x.Carried() && i >= 0 {
			now, err := run.Destination().Versioning(ctx, run.Plan.Moves[i].Destination)
			switch {
			case err != nil:
				row.Found = "not read: " + err.Error()
			case string(now) == x.Detail:
				row.Found = "equal"
			default:
				row.Found = "different: " + string(now)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// taking has a bucket of the plan's own take the lists and the policy that the plan
// carries while it heeds none of those that would open it: what it blocks in the end is
// set behind the policy.
func taking(ctx context.Context, run *phase.Run, m plan.Move) error {
	value := plan.WantedSetting(run.Plan.Parity, m, objectstore.PublicAccess)
	public, err := parity.Public(plan.WantedSetting(run.Plan.Parity, m, objectstore.Policy))
	if err != nil || value == nil {
		return err
	}
	store := run.Destination()
	now, err := store.Setting(ctx, m.Destination, objectstore.PublicAccess)
	if err != nil { // denied, too: what is there may be somebody else's
		return fmt.Errorf("%s of %s: %w", objectstore.PublicAccess, run.Plan.To(m), err)
	}
	if public || m.ACLs {
		final, err := parity.ParseBlock(value)
		if err != nil {
			return err
		}
		if plan.EqualJSON(now, value) && !final.BlockPublicAcls && !final.BlockPublicPolicy {
			return nil // an earlier run came to its end
		}
		if value, err = parity.Taking().Value(); err != nil {
			return err
		}
	}
	if plan.EqualJSON(now, value) {
		return nil
	}
	if err := store.SetSetting(ctx, m.Destination, objectstore.PublicAccess, value); err != nil {
		return fmt.Errorf("%s of %s: %w", objectstore.PublicAccess, run.Plan.To(m), err)
	}
	return nil
}

// Suspend gives the destination of a bucket with suspended versioning the same
// state, now that its history is written.
func Suspend(ctx context.Context, run *phase.Run) error {
	if objectstore.CapabilitiesOf(run.Destination()).NoMarkers {
		return nil // it has no such state, which the plan has said
	}
	for _, m := range run.Plan.Moves {
		if m.Versioning == objectstore.Suspended && !m.Exists {
			if err := run.Destination().SetVersioning(ctx, m.Destination, objectstore.Suspended); err != nil {
				return err
			}
		}
	}
	return nil
}

// SameEncryption holds the default encryption of the buckets that this plan made
// against what it gave them. What others made is held against what was found.
func SameEncryption(ctx context.Context, run *phase.Run) error {
	for _, m := range run.Plan.Moves {
		if m.Exists {
			continue
		}
		value, err := run.Destination().Setting(ctx, m.Destination, objectstore.Encryption)
		if objectstore.Permanent(err) {
			continue // not offered, or not to be read: the certificate's parity says so
		}
		if err != nil {
			return err
		}
		wanted := plan.WantedSetting(run.Plan.Parity, m, objectstore.Encryption)
		planned, found, err := encryptions(wanted, value)
		if err != nil {
			return err
		}
		// What Amazon S3 gives every bucket that is given nothing is no change.
		byItself := wanted == nil && found == (parity.Encryption{Algorithm: "AES256"})
		if planned != found && !byItself {
			return phase.Changed("the default encryption of the bucket %s is %s; the plan has %s",
				run.Plan.BucketAt(m), encryptionName(found), encryptionName(planned))
		}
	}
	return nil
}

func encryptions(planned, found []byte) (p, f parity.Encryption, err error) {
	if planned != nil {
		if p, err = parity.ParseEncryption(planned); err != nil {
			return p, f, err
		}
	}
	if found != nil {
		f, err = parity.ParseEncryption(found)
	}
	return p, f, err
}

func encryptionName(e parity.Encryption) string {
	switch {
	case e.Algorithm == "":
		return "none"
	case e.KeyID != "":
		return e.Algorithm + " under the key " + e.KeyID
	}
	return e.Algorithm
}
