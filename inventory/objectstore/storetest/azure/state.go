package azure

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What follows is what others do with an account, and what tests look at.

// Snapshot makes a snapshot of what is current, and returns its time.
func (s *Server) Snapshot(account, container, key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.accounts[account].containers[container].blobs[key]
	copied := *b.current
	copied.snapshot = stamp(s.tick())
	b.snapshots = append(b.snapshots, &copied)
	return copied.snapshot
}

// Change alters what is current of a blob, in ways that a writer here cannot.
func (s *Server) Change(account, container, key string, c Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.accounts[account].containers[container].blobs[key].current
	if c.Kind != "" {
		v.kind = c.Kind
	}
	if c.Tier != "" {
		v.tier, v.pending = c.Tier, c.Pending
	}
	if c.CustomerKey {
		v.keySHA = "sha"
	}
	if !c.Until.IsZero() {
		v.mode, v.until = "Locked", c.Until
	}
}

// Metadata replaces that of a container, or of what is current of a blob, as another client does.
func (s *Server) Metadata(account, container, key string, metadata map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.accounts[account].containers[container]
	if key == "" {
		c.metadata = metadata
		return
	}
	c.blobs[key].current.metadata = metadata
}

// Change says what is altered. Zero values leave it.
type Change struct {
	Kind        string // PageBlob or AppendBlob
	Tier        string
	Pending     string // the archive status that goes with the tier
	CustomerKey bool
	Until       time.Time // of a locked policy
}

// Alter changes an account, as an operator does.
func (s *Server) Alter(account string, f func(*Account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.accounts[account].Account)
}

// SetVersioning switches versions on or off, as an operator does.
func (s *Server) SetVersioning(account string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[account].Versioning = on
}

// Close has an account's network rules let no other account's service in, or let them in.
func (s *Server) Close(account string, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[account].Closed = closed
}

// Claim has what is current of a blob tell another Content-MD5, or none, as the writer of a block list may have
// said it ("Put Block List", x-ms-blob-content-md5).
func (s *Server) Claim(account, container, key, md5 string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.accounts[account].containers[container].blobs[key].current.header
	if h["Content-MD5"] = md5; md5 == "" {
		delete(h, "Content-MD5")
	}
}

// Put writes a blob as another client does.
func (s *Server) Put(account, container, key, text string) (versionID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[account]
	c := a.containers[container]
	at := s.tick()
	v := &version{etag: s.etag(), kind: "BlockBlob", made: at, modified: at, data: []byte(text),
		header: map[string]string{"Content-Type": "text/plain", "Content-MD5": md5Of([]byte(text))}}
	b := c.blobs[key]
	if b == nil {
		b = new(blob)
		c.hold(key, b)
	}
	s.replace(a, b, v)
	return v.id
}

// Container makes one.
func (s *Server) Container(account, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[account]
	a.containers[name] = s.newContainer(a, nil)
}

// History describes what there is of a key: p for each previous version, s for each snapshot, c for the current one, d
// for each that is deleted softly, b for each block.
func (s *Server) History(account, container, key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.accounts[account].containers[container].blobs[key]
	if b == nil {
		return ""
	}
	out := strings.Repeat("p", len(b.previous)) + strings.Repeat("s", len(b.snapshots))
	if b.current != nil {
		out += "c"
	}
	return out + strings.Repeat("d", len(b.deleted)) + strings.Repeat("b", len(b.blocks))
}

// Count tells how many of some requests there were since the last call, by their name.
func (s *Server) Count() map[string]int {
	counts := make(map[string]int)
	for _, r := range s.Requests() {
		counts[r.Op]++
	}
	return counts
}

// String shows a request for a test's log.
func (r Request) String() string {
	return fmt.Sprintf("%s %s/%s?%s: %d %s", r.Op, r.Account, r.Name, r.Query, r.Status, http.StatusText(r.Status))
}
