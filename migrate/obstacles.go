package migrate

import (
	"slices"

	"github.com/residency/residency/migrate/manifest"
)

// obstacles gathers what a move's entries meet, each kind with how many and the
// first keys.
type obstacles struct {
	archived, tierless Issue
	sseC, annotated    Issue // among a few that were asked about
	tiered, unasked    Issue // among them: in an archive access tier; their annotations may not be read
	untagged           Issue // among them: their tags may not be read
	taken, older       Issue // at the destination
	reserved, named    Issue // see planner.leases
	probes             Issue
	unlistable         Issue // keys, as they are listed
	fits               *fits
	charged            charged
}

func (p *planner) obstacles(m *Move) *obstacles {
	from, to := m.From().String(), p.plan.To(*m).String()
	return &obstacles{
		archived:   Issue{Rule: "archived", Location: from, Text: "archived versions cannot be read before they are restored", Remedy: "plan with --restore Standard, or Bulk, which asks for that; or restore them, then plan again"},
		tierless:   Issue{Rule: "restore-tier", Location: from, Text: "versions in DEEP_ARCHIVE cannot be restored at tier " + p.Restore, Remedy: "plan with --restore Standard, or Bulk"},
		sseC:       Issue{Rule: "sse-c", Location: from, Text: "versions are encrypted under a key of the customer's own (SSE-C) that is not at hand, among a few that were asked about", Remedy: "name the key with sse_c_keys in the configuration"},
		annotated:  Issue{Rule: "annotations", Location: from, Text: "versions have S3 annotations, among a few that were asked about; they come along where the service copies an object whole, and are left behind where it is streamed or copied in parts"},
		charged:    make(charged),
		tiered:     Issue{Rule: "archive-access-tier", Location: from, Text: "versions in INTELLIGENT_TIERING are in an archive access tier, among a few that were asked about, and cannot be read before they are restored", Remedy: "restore them at the source (RestoreObject, without days, brings them back to the frequent access tier), and turn that tier off there; then plan again"},
		unasked:    Issue{Rule: "annotations-not-read", Location: from, Text: "whether versions have S3 annotations may not be asked (access denied), or was not answered; they come along where the service copies an object whole, and are left behind where it is streamed or copied in parts", Remedy: "give s3:ListObjectAnnotations and s3:ListObjectVersionAnnotations (residency permissions --stage plan), then plan again"},
		untagged:   Issue{Rule: "tags-not-read", Location: from, Text: "the tags of versions may not be read (" + tagAction(*m) + "), among a few that were asked about; what has tags looks like what has none then, and would lose them", Remedy: "give " + tagAction(*m) + " on all that is to be moved"},
		taken:      Issue{Rule: "destination-key-exists", Location: to, Text: "the destination holds something else under keys of this plan; nothing is ever overwritten", Remedy: "choose another destination.bucket, or remove what is there"},
		reserved:   Issue{Rule: "reserved", Location: from, Remedy: "let that migration end, then plan again; one that was killed keeps its reservation for little longer than its RESIDENCY_LEASE_TERM"},
		named:      Issue{Rule: "reserved", Location: from, Text: "keys have the names of residency's own reservations and hold something else; they cannot be moved under these names", Remedy: "rename or remove them, then plan again"},
		probes:     Issue{Rule: "residency-own", Location: from, Text: "probes of residency's own, which a run that was killed has left, are moved like any object"},
		older:      Issue{Rule: "destination-has-more", Location: to, Text: "the destination holds older entries beneath keys of this plan, as after an erase that was interrupted and whose state is lost; they stay"},
		fits:       newFits(p.Stores(p.Destination.Provider, p.Destination.Code), from),
		unlistable: Issue{Rule: "unlistable-keys", Location: from, Text: "the server does not list these entries under their own keys: it puts U+FFFD for characters that its listings cannot hold, and nothing is known under the keys that it lists"},
	}
}

// report adds what was met to the plan.
func (o *obstacles) report(p *planner) {
	for _, i := range []Issue{o.archived, o.tierless, o.tiered, o.sseC, o.untagged, o.fits.large, o.fits.long, o.taken, o.reserved, o.named} {
		if i.Count > 0 {
			p.block(i)
		}
	}
	for _, i := range slices.Concat([]Issue{o.older, o.annotated, o.unasked, o.probes}, o.charged.issues(o.archived.Location)) {
		if i.Count > 0 {
			p.warn(i)
		}
	}
}

// examples is how many keys an issue names.
const examples = 20

func note(i *Issue, key string) {
	if i.Count++; len(i.Keys) < examples {
		i.Keys = append(i.Keys, manifest.Key(key))
	}
}
