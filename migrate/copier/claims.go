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
	said      hash.Hash // nil where the source says nothing that is of the whole
	value     func() string
	want      string
}

// claims returns nil where the destination takes any algorithm.
func (s *streamer) claims(of objectstore.Info) *claims {
	if s.sum == "" {
		return nil
	}
	c := &claims{algorithm: s.sum, sent: s.hashes.make(s.sum)}
	if sum := of.Checksum; !sum.Composite && sum.Algorithm != "" {
		if c.said = s.hashes.make(sum.Algorithm); c.said != nil {
			c.want, c.value = sum.Value, func() string { return base64.StdEncoding.EncodeToString(c.said.Sum(nil)) }
		}
	} else if of.Sum.Algorithm == objectstore.MD5 && !of.Sum.Composite {
		c.said, c.want = md5.New(), of.Sum.Value
		c.value = func() string { return hex.EncodeToString(c.said.Sum(nil)) }
	}
	c.Writer = c.sent
	if c.said != nil {
		c.Writer = io.MultiWriter(c.sent, c.said)
	}
	return c
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
