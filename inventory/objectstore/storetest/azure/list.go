package azure

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

type listedName struct {
	Encoded bool   `xml:"Encoded,attr,omitempty"`
	Text    string `xml:",chardata"`
}

type listedBlob struct {
	XMLName          xml.Name `xml:"Blob"`
	Name             listedName
	Snapshot         string `xml:",omitempty"`
	VersionID        string `xml:"VersionId,omitempty"`
	IsCurrentVersion bool   `xml:",omitempty"`
	Deleted          bool   `xml:",omitempty"`
	Properties       struct {
		LastModified  string `xml:"Last-Modified"`
		Etag          string `xml:",omitempty"`
		ContentLength int    `xml:"Content-Length"`
		ContentMD5    string `xml:"Content-MD5,omitempty"`
		BlobType      string
		AccessTier    string `xml:",omitempty"`
		Inferred      bool   `xml:"AccessTierInferred,omitempty"`
		ArchiveStatus string `xml:",omitempty"`
		DeletedTime   string `xml:",omitempty"`
		Remaining     *int   `xml:"RemainingRetentionDays,omitempty"`
	}
	place string // in the listing
}

// listBlobs lists names by UTF-16 code units, and of one name snapshots and versions oldest first, the current
// one last ("List Blobs"; the order of versions is that of recordings of .NET's SDK, BlobStates.Version).
func (s *Server) listBlobs(x *exchange) *answer {
	include := make(map[string]bool)
	for part := range strings.SplitSeq(x.query.Get("include"), ",") {
		if part != "" && !slices.Contains([]string{"snapshots", "versions", "uncommittedblobs", "deleted"}, part) {
			return badQuery()
		}
		include[part] = true
	}
	most := s.o.PageSize
	if text := x.query.Get("maxresults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 5000 {
			return refuse(http.StatusBadRequest, "OutOfRangeQueryParameterValue")
		}
		most = min(most, n)
	}
	at, empty := "", s.o.EmptyPages
	if marker := x.query.Get("marker"); marker != "" {
		text, err := base64.RawURLEncoding.DecodeString(marker)
		if err != nil {
			return badQuery()
		}
		behind := false
		at, behind = strings.CutSuffix(string(text), "\x00empty")
		empty = empty && !behind // each listing has its own empty pages: the marker is all that is known of it
	}
	all := s.listed(x, include, at, most+1)
	out := struct {
		XMLName    xml.Name     `xml:"EnumerationResults"`
		Blobs      []listedBlob `xml:"Blobs>Blob"`
		NextMarker string
	}{}
	if empty && len(all) > 0 {
		out.NextMarker = base64.RawURLEncoding.EncodeToString([]byte(all[0].place + "\x00empty"))
		return document(out)
	}
	out.Blobs = all[:min(most, len(all))]
	if len(all) > most {
		out.NextMarker = base64.RawURLEncoding.EncodeToString([]byte(all[most].place))
	}
	return document(out)
}

// listed are the entries of a listing from a place on, at least so many if there are.
func (s *Server) listed(x *exchange, include map[string]bool, at string, most int) []listedBlob {
	var all []listedBlob
	prefix, names := x.query.Get("prefix"), x.container.names(x.account.HNS)
	from := units(x.query.Get("startFrom"), x.account.HNS) // inclusive (azblob 1.8.3, ListBlobsFlatOptions.StartFrom)
	begin := sort.Search(len(names), func(i int) bool {
		return slices.Compare(names[i].units, from) >= 0 && placeOf(names[i].units)+"\xff" >= at
	})
	for _, n := range names[begin:] {
		name := n.name
		if len(all) >= most {
			break
		}
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		b := x.container.blobs[name]
		var entries []listedBlob
		add := func(v *version, current, deleted bool) {
			entries = append(entries, list(name, v, include["versions"], current, deleted))
		}
		if include["deleted"] {
			for _, v := range b.deleted {
				if days := v.remaining(x.account, s.o.Now()); days >= 0 {
					add(v, false, true)
					p := &entries[len(entries)-1].Properties
					p.DeletedTime, p.Remaining = v.deletedAt.Format(http.TimeFormat), &days
				}
			}
		}
		if include["snapshots"] {
			for _, v := range b.snapshots {
				add(v, false, false)
			}
		}
		if include["versions"] {
			for _, v := range b.previous {
				add(v, false, false)
			}
		}
		switch {
		case b.current != nil:
			add(b.current, true, false)
		case include["uncommittedblobs"] && len(b.blocks) > 0:
			add(&version{kind: "BlockBlob", modified: b.touched}, true, false)
		}
		for j := range entries {
			if entries[j].place = place(&entries[j], n.units); entries[j].place >= at {
				all = append(all, entries[j])
			}
		}
	}
	return all
}

// place is where an entry stands, so that places sort as entries do, whatever is deleted meanwhile.
func place(b *listedBlob, name []uint16) string {
	at := placeOf(name)
	switch {
	case b.Deleted:
		return at + "\x00" + b.Properties.Etag
	case b.Snapshot != "":
		return at + "\x01" + b.Snapshot
	case b.VersionID != "" && !b.IsCurrentVersion:
		return at + "\x02" + b.VersionID
	}
	return at + "\x03"
}

// placeOf is what the places of a name's entries begin with.
func placeOf(name []uint16) string {
	at := make([]byte, 0, 2*len(name)+2)
	for _, u := range name {
		at = append(at, byte(u>>8), byte(u))
	}
	return string(append(at, 0, 0))
}

func list(name string, v *version, versions, current, deleted bool) listedBlob {
	b := listedBlob{Name: listedName{Text: name}, Snapshot: v.snapshot, Deleted: deleted}
	if strings.IndexFunc(name, func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == '\uFFFE' || c == '\uFFFF'
	}) >= 0 { // "List Blobs", Blob name encoding
		b.Name = listedName{Encoded: true, Text: url.PathEscape(name)}
	}
	if versions && v.id != "" && v.snapshot == "" {
		b.VersionID, b.IsCurrentVersion = v.id, current
	}
	p := &b.Properties
	p.LastModified, p.Etag, p.ContentLength, p.BlobType = v.modified.Format(http.TimeFormat), v.etag, len(v.data), v.kind
	p.ContentMD5, p.ArchiveStatus = v.header["Content-MD5"], v.pending
	if v.kind == "BlockBlob" && v.etag != "" {
		p.AccessTier, p.Inferred = v.tier, v.tier == ""
		if v.tier == "" {
			p.AccessTier = "Hot"
		}
	}
	return b
}
