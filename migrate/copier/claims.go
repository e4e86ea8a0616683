package copier

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/verifier"
)

// claims sums what is read of a source whose destination compares by one algorithm alone: by
// that one, and by what the source itself says, which then nobody else holds against the bytes.
type claims struct {
	io.Writer
	algorithm string
	sent      hash.Hash
	said      hash.Hash // nil where the source says nothing that can be held against what is read
	value     func() string
	want      string
	// whole is of the sums of the parts, of which said is that of one; nil: said is of the whole.
	whole hash.Hash
	parts int
}

// claims returns nil where the destination takes any algorithm. Composite sums are held against
// what is read by the source's own parts alone, each of which is to be ended.
func (s *streamer) claims(of objectstore.Info, byParts bool) *claims {
	if s.sum == "" {
		return nil
	}
	c := &claims{algorithm: s.sum, sent: verifier.NewHash(s.sum)}
	text, said := base64.StdEncoding.EncodeToString, verifier.Evidence{Source: of}.Said()
	switch {
	case said.Composite && !byParts:
	case said.Algorithm == objectstore.MD5:
		c.said, text = md5.New(), hex.EncodeToString
	case said.Algorithm != "":
		c.said = verifier.NewHash(said.Algorithm)
	}
	c.want = said.Value
	switch {
	case c.said == nil:
	case said.Composite && said.Algorithm == objectstore.MD5:
		c.whole = md5.New()
	case said.Composite:
		c.whole = verifier.NewHash(said.Algorithm)
	}
	c.value = func() string {
		if c.whole != nil {
			return fmt.Sprintf("%s-%d", text(c.whole.Sum(nil)), c.parts)
		}
		return text(c.said.Sum(nil))
	}
	c.Writer = c.sent
	if c.said != nil {
		c.Writer = io.MultiWriter(c.sent, c.said)
	}
	return c
}

// endPart is told that what was written since the last call was one of the source's parts.
func (c *claims) endPart() {
	if c.whole == nil {
		return
	}
	_, _ = c.whole.Write(c.said.Sum(nil)) // a hash's Write never fails
	c.said.Reset()
	c.parts++
}

// check holds what was read against what the source says.
func (c *claims) check() error {
	if c.said != nil && c.value() != c.want {
		return fmt.Errorf("%w: as the source says it", objectstore.ErrCorrupt)
	}
	return nil
}

// prove adds to the evidence what was read, and what the source says of it.
func (c *claims) prove(e *verifier.Evidence) {
	e.Sent = c.checksum()
	if c.said != nil {
		e.Read = c.value()
	}
}

// checksum is that of what was read.
func (c *claims) checksum() objectstore.Checksum {
	return objectstore.Checksum{Algorithm: c.algorithm, Value: base64.StdEncoding.EncodeToString(c.sent.Sum(nil))}
}
