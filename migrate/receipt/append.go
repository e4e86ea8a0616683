package receipt

import (
	"strconv"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/state"
)

func appendText(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return append(append(append(append(append(b, `,"`...), name...), `":"`...), text...), '"')
}

func appendTrue(b []byte, name string, is bool) []byte {
	if !is {
		return b
	}
	return append(append(append(b, `,"`...), name...), `":true`...)
}

func appendTime(b []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return append(t.AppendFormat(append(b, name...), time.RFC3339Nano), `",`...)
}

func plainOrZero(t time.Time) bool { return t.IsZero() || state.PlainTime(t) }

func plain(texts ...string) bool {
	for _, s := range texts {
		if !state.Plain(s) {
			return false
		}
	}
	return true
}

// AppendJSON implements state.Appender.
func (r *Receipt) AppendJSON(b []byte) ([]byte, bool) {
	if !plain(string(r.Key), r.VersionID, string(r.Verdict), string(r.Method), r.Reason, r.DestinationVersionID,
		r.DestinationETag, r.TagsSHA256, r.SHA256) || !state.PlainTime(r.At) || r.Cause != nil || len(r.Added) > 0 ||
		r.Null != nil && !r.Null.plain() ||
		r.Checksum != nil && !plain(r.Checksum.Algorithm, r.Checksum.Value) {
		return b, false
	}
	b = append(append(append(b, `{"key":"`...), r.Key...), `","version_id":"`...)
	b = appendTrue(append(append(b, r.VersionID...), '"'), "delete_marker", r.Marker)
	b = strconv.AppendInt(append(b, `,"size":`...), r.Size, 10)
	b = append(append(append(b, `,"verdict":"`...), r.Verdict...), '"')
	b = appendText(b, "method", string(r.Method))
	b = appendTrue(appendText(b, "reason", r.Reason), "lasting", r.Lasting)
	b = appendText(b, "destination_version_id", r.DestinationVersionID)
	b = appendText(b, "destination_etag", r.DestinationETag)
	if n := r.Null; n != nil {
		b = appendTime(append(b, `,"null_version":{`...), `"modified":"`, n.Modified)
		b = append(appendTime(b, `"answered":"`, n.Answered), `"attributes_sha256":"`...)
		b = append(append(b, n.AttributesSHA256...), `"}`...)
	}
	b = appendText(b, "tags_sha256", r.TagsSHA256)
	b = appendText(b, "sha256", r.SHA256)
	if c := r.Checksum; c != nil {
		b = append(append(append(b, `,"checksum":{"algorithm":"`...), c.Algorithm...), `","value":"`...)
		b = append(appendTrue(append(append(b, c.Value...), '"'), "composite", c.Composite), '}')
	}
	b = appendTrue(appendTrue(appendTrue(b, "held", r.Held), "within_service", r.Within), "before", r.Before)
	return append(r.At.AppendFormat(append(b, `,"at":"`...), time.RFC3339Nano), `"}`...), true
}

// ParseJSON implements state.Parser.
func (r *Receipt) ParseJSON(line []byte) bool {
	s := state.NewScan(line)
	s.Must(`{"key":"`)
	s.Keep((*string)(&r.Key))
	s.Must(`,"version_id":"`)
	s.Keep(&r.VersionID)
	r.Marker = s.Has(`,"delete_marker":true`)
	s.Must(`,"size":`)
	r.Size = s.Number()
	s.Must(`,"verdict":"`)
	s.Keep((*string)(&r.Verdict))
	keepIf(&s, `,"method":"`, (*string)(&r.Method))
	keepIf(&s, `,"reason":"`, &r.Reason)
	r.Lasting = s.Has(`,"lasting":true`)
	var id, sha, value []byte
	if s.Has(`,"destination_version_id":"`) {
		id = s.Text()
	}
	keepIf(&s, `,"destination_etag":"`, &r.DestinationETag)
	r.Null = parseNull(&s, r.Null)
	keepIf(&s, `,"tags_sha256":"`, &r.TagsSHA256)
	if s.Has(`,"sha256":"`) {
		sha = s.Text()
	}
	before := r.Checksum
	r.Checksum = nil
	var checksum objectstore.Checksum
	if s.Has(`,"checksum":{"algorithm":"`) {
		if before != nil {
			checksum.Algorithm = before.Algorithm
		}
		s.Keep(&checksum.Algorithm)
		s.Must(`,"value":"`)
		value = s.Text()
		r.Checksum = &objectstore.Checksum{Algorithm: checksum.Algorithm, Composite: s.Has(`,"composite":true`)}
		s.Must("}")
	}
	r.Held = s.Has(`,"held":true`)
	r.Within = s.Has(`,"within_service":true`)
	r.Before = s.Has(`,"before":true`)
	s.Must(`,"at":"`)
	r.At = s.Time()
	s.Must("}")
	if !s.End() {
		return false
	}
	r.Cause, r.Added = nil, nil // a line with one is not of this form
	if r.Checksum == nil {
		state.Together(state.Part{Into: &r.DestinationVersionID, Text: id}, state.Part{Into: &r.SHA256, Text: sha})
	} else {
		state.Together(state.Part{Into: &r.DestinationVersionID, Text: id}, state.Part{Into: &r.SHA256, Text: sha},
			state.Part{Into: &r.Checksum.Value, Text: value})
	}
	return true
}

// parseNull reads what is told of a null version; before is that of another receipt, which often
// carries the same.
func parseNull(s *state.Scan, before *Null) *Null {
	if !s.Has(`,"null_version":{`) {
		return nil
	}
	n := new(Null)
	if before != nil {
		n.AttributesSHA256 = before.AttributesSHA256
	}
	if s.Has(`"modified":"`) {
		n.Modified = s.Time()
		s.Must(",")
	}
	if s.Has(`"answered":"`) {
		n.Answered = s.Time()
		s.Must(",")
	}
	s.Must(`"attributes_sha256":"`)
	s.Keep(&n.AttributesSHA256)
	s.Must("}")
	return n
}

// plain tells whether it is of the form that is written here: it has attributes.
func (n *Null) plain() bool {
	return n.AttributesSHA256 != "" && state.Plain(n.AttributesSHA256) && plainOrZero(n.Modified) &&
		plainOrZero(n.Answered)
}

func keepIf(s *state.Scan, name string, into *string) {
	if s.Has(name) {
		s.Keep(into)
	} else {
		*into = ""
	}
}

// AppendJSON implements state.Appender.
func (x *Erasure) AppendJSON(b []byte) ([]byte, bool) {
	if !plain(string(x.Key), x.VersionID, string(x.Outcome), x.Guard, x.Reason) || !state.PlainTime(x.At) ||
		x.Cause != nil ||
		x.Until != nil && !state.PlainTime(*x.Until) {
		return b, false
	}
	b = append(append(append(b, `{"key":"`...), x.Key...), `","version_id":"`...)
	b = append(append(append(b, x.VersionID...), `","outcome":"`...), x.Outcome...)
	b = append(append(append(b, `","guard":"`...), x.Guard...), '"')
	b = appendTrue(appendText(b, "reason", x.Reason), "lasting", x.Lasting)
	if x.Until != nil {
		b = append(x.Until.AppendFormat(append(b, `,"retained_until":"`...), time.RFC3339Nano), '"')
	}
	return append(x.At.AppendFormat(append(b, `,"at":"`...), time.RFC3339Nano), `"}`...), true
}

// ParseJSON implements state.Parser.
func (x *Erasure) ParseJSON(line []byte) bool {
	s := state.NewScan(line)
	s.Must(`{"key":"`)
	s.Keep((*string)(&x.Key))
	s.Must(`,"version_id":"`)
	s.Keep(&x.VersionID)
	s.Must(`,"outcome":"`)
	s.Keep((*string)(&x.Outcome))
	s.Must(`,"guard":"`)
	s.Keep(&x.Guard)
	keepIf(&s, `,"reason":"`, &x.Reason)
	x.Lasting = s.Has(`,"lasting":true`)
	x.Until = nil
	if s.Has(`,"retained_until":"`) {
		until := s.Time()
		x.Until = &until
	}
	s.Must(`,"at":"`)
	x.At = s.Time()
	s.Must("}")
	x.Cause = nil // a line with one is not of this form
	return s.End()
}
