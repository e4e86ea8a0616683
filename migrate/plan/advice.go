package plan

import "fmt"

// asksRedirects tells whether a run asks each version of a move for a website redirect,
// which a copy that the service makes by itself does not carry.
func (p *Plan) asksRedirects(m Move) bool {
	return m.Way != ServerSide || m.Redirects || p.Verify == "readback" || p.KMSKey != ""
}

// losesRedirects tells whether such a redirect could be lost.
func (p *Plan) losesRedirects(m Move) bool { return !m.NoRedirects && !p.asksRedirects(m) }

// adviseCopies names what copies that the service makes by itself do not show. What is
// copied in parts is asked about in any case.
func (p *sampler) adviseCopies(m Move) {
	whole := m.Totals.Versions - m.Totals.Multipart
	if whole == 0 || !p.plan.losesRedirects(m) {
		return
	}
	p.warn(Issue{Rule: "redirects-not-asked", Location: m.From().String(), Count: whole,
		Text: "website redirects of single objects, which a copy within the service does not carry, are not asked for: " +
			"only a request about each version tells; the bucket has no website, and none of the few versions that " +
			"planning asked about has one. The run looks at the first key's and about each thousandth, and ends if one has",
		Remedy: "plan with --ask-redirects if some may have one: a request more for each version"})
}

// adviseMixed says which bytes pass through the machine where the service copies some versions by
// itself.
func (p *draft) adviseMixed(m Move) {
	if m.Way != Mixed || m.Totals.Versions == 0 {
		return
	}
	p.warn(Issue{Rule: "mixed", Location: m.From().String(), Count: m.Through.Versions,
		Text: fmt.Sprintf("the service copies by itself what has an MD5 in its listing, and refuses other bytes: %d of %d "+
			"versions, %d of %d bytes. The rest has none, or is too large for that, and passes through the machine that runs "+
			"migrate; so does what turns out to be locked or to have another MD5, and what a run that was cut short has "+
			"copied and not recorded, which is read at both ends", m.Totals.Versions-m.Through.Versions, m.Totals.Versions,
			m.Totals.Bytes-m.Through.Bytes, m.Totals.Bytes)})
}

// adviseReading names what has to be read back, through this machine, to prove such
// copies. What the destination encrypts with by itself is known by then.
func (p *draft) adviseReading(m Move) {
	if m.Way != ServerSide || m.Totals.Versions == 0 {
		return
	}
	at := m.From().String()
	through := fmt.Sprintf("%d bytes are read through this machine, from both ends", m.Totals.Bytes)
	switch {
	case p.Verify == "readback":
		p.warn(Issue{Rule: "read-back", Location: at, Count: m.Totals.Versions, Text: "all versions are read back: " +
			through})
	case p.KMSKey != "" || p.CustomerKeys || p.plan.KMSDefault(m):
		p.warn(Issue{Rule: "read-back", Location: at, Count: m.Totals.Versions,
			Text: "under KMS and SSE-C an ETag proves nothing: versions for which the source keeps no checksum, or another " +
				"kind " +
				"than the copy's, are read back; at most " + through})
	}
}

// NotCompared says what no run of this plan compares, and why.
func (p *Plan) NotCompared() []string {
	said := []string{"tags, retention and legal hold that the destination may have added to copies whose source has " +
		"no tag, metadata, header or lock: the answers to these writes do not say, and no further request is made"}
	kms := p.KMSKey != ""
	copies, unasked, unannotated, unlisted := false, false, false, false
	for _, m := range p.Moves {
		kms = kms || p.KMSDefault(m)
		copies = copies || m.Way == ServerSide
		unasked = unasked || p.losesRedirects(m)
		unannotated = unannotated || m.Unannotated > 0
		unlisted = unlisted || m.UploadsUnlisted
	}
	if copies {
		said = append(said, "the encryption at the source of plain objects that were copied server-side: "+
			"no further request is made")
	}
	if copies && p.Verify != "readback" {
		said = append(said, "attributes of objects that the service copied by itself, but for the first key's and about "+
			"each "+
			"thousandth, where it vouches for them")
	}
	if unasked {
		said = append(said, "website redirects of objects that the service copied by itself, which it does not carry: of "+
			"those that were looked at, the first key's and about each thousandth, none has one; --ask-redirects asks about "+
			"each")
	}
	if unannotated {
		said = append(said, "S3 annotations of what was streamed or copied in parts, which are left behind: but for the few "+
			"versions that planning asked about, nothing tells whether there are any")
	}
	if unlisted {
		said = append(said, "unfinished uploads at sources whose service does not list them: whether any are left there "+
			"cannot be told")
	}
	if kms {
		said = append(said, "which KMS key copies are under: answers name keys differently from requests")
	}
	if p.AnyClass {
		said = append(said, "storage classes: destination.storage_class accepts any; the ones that differ are counted")
	}
	return said
}
