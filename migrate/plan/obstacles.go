package plan

import (
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// obstacles gathers what a move's entries meet, each kind with how many and the
// first keys.
type obstacles struct {
	archived, tierless Issue
	sseC, annotated    Issue // among a few that were asked about
	tiered, unasked    Issue // among them: in an archive access tier; their annotations may not be read
	tiering            Issue // in INTELLIGENT_TIERING, to be asked about by the run
	untagged           Issue // among them: their tags may not be read
	unfit              Issue // among them: they carry what the destination has no place for
	odd                Issue // among them: their service has something that no copy has
	taken, older       Issue // at the destination
	reserved, named    Issue // see planner.leases
	probes             Issue
	histories          Issue    // of more than one entry, where the source says that it keeps no versions
	unlistable         Issue    // keys, as they are listed
	other              Issue    // objects that no copy can be
	kinds              []string // of them
	restores           bool     // the source's service restores what is asked for
	fits               *fits
	charged            charged
}

func (p *sampler) obstacles(m *Move) *obstacles {
	from, to := m.From().String(), p.plan.To(*m).String()
	_, restores := p.Stores(m.Source.Provider, m.Source.Code).(objectstore.Restorer)
	archived := "plan with --restore Standard or --restore Bulk, which restores them; or restore them yourself, then " +
		"plan again"
	if !restores {
		archived = "take them out of the archive yourself (residency does not on this service), then plan again"
	}
	return &obstacles{
		restores: restores,
		archived: Issue{Rule: "archived", Location: from, Text: "archived versions cannot be read before they are restored",
			Remedy: archived},
		tierless: Issue{Rule: "restore-tier", Location: from,
			Text: "versions in DEEP_ARCHIVE, or in the deep archive access tier of INTELLIGENT_TIERING, cannot be restored " +
				"at tier " + p.Restore, Remedy: "plan with --restore Standard or --restore Bulk"},
		sseC: Issue{Rule: "sse-c", Location: from,
			Text:   "some sampled versions are encrypted under a customer-provided key (SSE-C) that is not configured",
			Remedy: "name the key with sse_c_keys in the configuration"},
		annotated: Issue{Rule: "annotations", Location: from,
			Text: "some sampled versions have S3 annotations; these are carried where the service copies an object whole, " +
				"and left behind where it is streamed or copied in parts"},
		charged: make(charged),
		other:   Issue{Rule: "not-copied", Location: from, Remedy: "move these by hand, or convert them at the source"},
		odd:     Issue{Rule: "not-copied", Location: from, Remedy: "change them at the source, or move them by hand"},
		unfit: Issue{Rule: "attributes-refused", Location: from, Remedy: "change them at the source, or choose " +
			"another destination"},
		tiered: Issue{Rule: "archive-access-tier", Location: from,
			Text: "some sampled versions in INTELLIGENT_TIERING are in an archive access tier and cannot be read before they " +
				"are restored", Remedy: "plan with --restore Standard or --restore Bulk, which restores them; or restore them " +
				"yourself, then plan again"},
		tiering: Issue{Rule: "restore-tiering", Location: from,
			Text: "versions in INTELLIGENT_TIERING are each asked, with one more request, whether they are in an archive " +
				"access tier, which a listing does not tell; those that are return to the frequent access tier for good, at tier " +
				p.Restore},
		unasked: Issue{Rule: "annotations-not-read", Location: from,
			Text: "it could not be read whether versions have S3 annotations (access denied, or no answer); these are " +
				"carried where the service copies an object whole, and left behind where it is streamed or copied in parts",
			Remedy: "grant s3:ListObjectAnnotations and s3:ListObjectVersionAnnotations (residency permissions --stage " +
				"plan), then plan again"},
		untagged: Issue{Rule: "tags-not-read", Location: from, Text: "the tags of some sampled versions may not be read (" +
			TagAction(*m) + "); tagged versions then look untagged, and would lose their tags", Remedy: "give " + TagAction(*m) +
			" on all that is to be moved"},
		taken: Issue{Rule: "destination-key-exists", Location: to, Region: p.plan.Destination.Code,
			Text: "the destination already holds something else under keys of this plan; nothing is ever overwritten",
			Remedy: "choose another destination.bucket. What is there may be the only copy of a version that the source no " +
				"longer has: --log-keys shows the keys"},
		reserved: Issue{Rule: "reserved", Location: from,
			Remedy: "wait for that migration to end, then plan again; one that was killed keeps its reservation slightly " +
				"longer than its RESIDENCY_LEASE_TERM"},
		named: Issue{Rule: "reserved", Location: from,
			Text: "keys have the names that residency reserves for its own use, but hold something else; they cannot be " +
				"moved under these names", Remedy: "rename or remove them, then plan again"},
		probes: Issue{Rule: "residency-own", Location: from,
			Text: "probes that a killed run of residency left behind are moved like any object"},
		older: Issue{Rule: "destination-has-more", Location: to, Region: p.plan.Destination.Code,
			Text: "the destination holds older versions beneath keys of this plan, as after an interrupted erase whose state " +
				"was lost; they stay"},
		histories: Issue{Rule: "versions-from-before", Location: from,
			Text: "the source keeps no versions now, and has versions from before or snapshots; the destination, made like it, " +
				"keeps one entry of each key",
			Remedy: "turn versioning on at the source, or delete there what is not current, then plan again"},
		fits: newFits(p.Stores(p.Destination.Provider, p.Destination.Code), from),
		unlistable: Issue{Rule: "unlistable-keys", Location: from,
			Text: "the server cannot list these entries under their own keys: it writes U+FFFD for characters that its " +
				"listings cannot represent, and the listed keys do not exist"},
	}
}

// report adds what was met to the plan.
func (o *obstacles) report(p *planner) {
	for _, i := range []Issue{o.archived, o.tierless, o.tiered, o.sseC, o.untagged, o.unfit, o.odd, o.other, o.fits.large,
		o.histories, o.fits.long, o.fits.refused, o.fits.marked, o.fits.unordered, o.taken, o.reserved, o.named} {
		if i.Count > 0 {
			p.block(i)
		}
	}
	for _, i := range slices.Concat([]Issue{o.older, o.annotated, o.unasked, o.probes, o.tiering, o.fits.recorded},
		o.charged.issues(o.archived.Location)) {
		if i.Count > 0 {
			p.warn(i)
		}
	}
}

// seeKind notes an object that no copy can be.
func (o *obstacles) seeKind(v objectstore.Version) {
	if v.Kind == 0 {
		return
	}
	if kind := v.Kind.String(); !slices.Contains(o.kinds, kind) {
		o.kinds = append(o.kinds, kind)
		o.other.Text = "versions are what no copy elsewhere can be: " + strings.Join(o.kinds, ", ")
	}
	note(&o.other, v.Key)
}

// Examples is how many keys an issue names.
const Examples = 20

func note(i *Issue, key string) {
	if i.Count++; len(i.Keys) < Examples {
		i.Keys = append(i.Keys, manifest.Key(key))
	}
}
