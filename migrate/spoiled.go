package migrate

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
)

// lostCopy is an original of which the destination does not show the copy.
type lostCopy struct {
	move         int
	key, version string
}

// lose remembers the first of them; a few are enough to tell what can be done.
func (f *found) lose(move int, r *receipt.Receipt) {
	if len(f.lost) < phase.MaxProblems && !r.Marker {
		f.lost = append(f.lost, lostCopy{move: move, key: string(r.Key), version: r.VersionID})
	}
}

// ErrHidden reports copies that the destination was given and lists under no name, or under
// another: nobody has to have changed anything.
var ErrHidden = remedy.New("the destination does not list what it was given",
	"rename such keys at the source (--log-keys shows them), or choose a destination on another service. As long as "+
		"nothing is erased, residency migrate --abort ID removes what this plan wrote, and says what stays")

// spoiled is the error for copies that are gone before anything was erased.
func (w *work) spoiled(ctx context.Context, f *found, text string) error {
	if why := w.hidden(ctx, f); why != "" {
		return remedy.Wrap(fmt.Errorf("%w: %s: %w: %s: %w", ErrSpoiled, text, ErrHidden, why, ErrVerification),
			remedy.For(ErrHidden))
	}
	return fmt.Errorf("%w: %s: %w", ErrSpoiled, text, ErrVerification)
}

// hidden says why the destination's service may not show keys, of those that are missing
// first, if that explains each: they have characters that its listings cannot represent,
// or lie beneath another key, as files do beneath a directory.
func (w *work) hidden(ctx context.Context, f *found) string {
	strange, beneath := 0, 0
	for _, l := range f.lost {
		switch {
		case strings.ContainsFunc(l.key, unicode.IsControl):
			strange++
		case w.isBeneath(ctx, l):
			beneath++
		default:
			return ""
		}
	}
	var parts []string
	if strange > 0 {
		parts = append(parts, fmt.Sprintf("%d of the first %d keys have control characters, which its listings cannot "+
			"represent: they stand there under other names", strange, len(f.lost)))
	}
	if beneath > 0 {
		parts = append(parts, fmt.Sprintf("%d of the first %d keys lie beneath another key (as a/b does beneath a), and a "+
			"service that keeps keys as files does not list them while that is there", beneath, len(f.lost)))
	}
	return strings.Join(parts, "; ")
}

// mostDepths is how many of the keys above one are looked for.
const mostDepths = 16

// isBeneath tells whether the destination has an object under a name that is a directory of
// the key.
func (w *work) isBeneath(ctx context.Context, l lostCopy) bool {
	above, depth := l.key, 0
	for i := strings.LastIndexByte(above, '/'); i > 0 && depth < mostDepths; i = strings.LastIndexByte(above, '/') {
		above = above[:i]
		depth++
		ref := objectstore.Ref{Bucket: w.run.Plan.Moves[l.move].Destination, Key: above}
		if _, err := w.run.Destination().Stat(ctx, ref, 0); err == nil {
			return true
		}
	}
	return false
}

// spoiledLate is the error for copies that are gone after the erase began. It looks which
// of their originals are still at the source: those this plan cannot copy again, for what
// is put back has another version ID than its receipt says; a new plan can.
func (w *work) spoiledLate(ctx context.Context, f *found, text string) error {
	err := fmt.Errorf("%w: %s: %w", ErrSpoiledLate, text, ErrVerification)
	there := 0
	for _, l := range f.lost {
		m := w.run.Plan.Moves[l.move]
		ref := objectstore.Ref{Bucket: m.Bucket, Key: l.key}
		if l.version != objectstore.NullVersion {
			ref.VersionID = l.version
		}
		if _, statErr := w.run.Source(m).Stat(ctx, ref, 0); statErr == nil {
			there++
		}
	}
	if there == 0 {
		return err
	}
	again := fmt.Sprintf("the source still has the originals of %d of the first %d that are missing: residency plan "+
		"--to %s --customer %s writes a new plan of what is there, and residency migrate --plan with its ID copies that "+
		"again and erases it", there, len(f.lost), w.run.Plan.Destination, w.run.Plan.Customer)
	if there < len(f.lost) || f.shown.Spoiled > int64(len(f.lost)) {
		again += ". Of the rest: " + remedy.For(ErrSpoiledLate)
	}
	return remedy.Wrap(err, "find out who changes the destination; "+again)
}
