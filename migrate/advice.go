package migrate

import "fmt"

// adviseCopies names what copies that the service makes by itself do not show, and
// what has to be read back to prove them.
func (p *planner) adviseCopies(m Move) {
	if m.Way != ServerSide || m.Totals.Versions == 0 {
		return
	}
	at := m.From().String()
	if !m.Redirects && p.Verify != "readback" {
		p.warn(Issue{Rule: "redirects-not-asked", Location: at,
			Text: "website redirects of single objects are looked for only where attributes are: the bucket has no website, " +
				"none of the few versions that were asked about has one, and a copy within the service does not carry them",
			Remedy: "plan with --verify readback if some may have one, which looks at each"})
	}
	through := fmt.Sprintf("%d bytes are read through this machine, from both ends", m.Totals.Bytes)
	switch {
	case p.Verify == "readback":
		p.warn(Issue{Rule: "read-back", Location: at, Count: m.Totals.Versions, Text: "all versions are read back: " + through})
	case p.KMSKey != "" || p.CustomerKeys || p.plan.kmsDefault(m):
		p.warn(Issue{Rule: "read-back", Location: at, Count: m.Totals.Versions,
			Text: "under KMS and SSE-C an ETag proves nothing: versions of which the source keeps no checksum, or another " +
				"than the copy, are read back; at most " + through})
	}
}
