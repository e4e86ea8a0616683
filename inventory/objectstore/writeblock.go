package objectstore

// WriteBlock says what is denied to everybody, ourselves included, while it stands: writes
// under these prefixes, and what changes what is there. Deletions by version ID stay
// allowed.
type WriteBlock struct {
	Name     string // letters and digits; tells one block from another
	Bucket   string
	Prefixes []string
	Deletes  bool // deny deletions that set a delete marker, too
	// Narrow leaves out what some services do not know, who then refuse the rules.
	Narrow bool
}

// WriteBlocks are how a service denies writes by rules that it keeps with a bucket. Rules
// are the service's own text, nil where a bucket has none.
type WriteBlocks interface {
	// Setting is the one that has a bucket's rules.
	Setting() Setting
	// With returns rules that have the block as well; one of the same name is replaced.
	With(rules []byte, b WriteBlock) ([]byte, error)
	// Without returns rules without the block of that name, nil if nothing else is in
	// them. Those that do not have it are returned as they are.
	Without(rules []byte, name string) ([]byte, error)
	// In tells whether rules have the block of that name.
	In(rules []byte, name string) (bool, error)
}

// WriteBlocker is a store whose service can deny writes. Whether it does is seen by trying.
type WriteBlocker interface{ WriteBlocks() WriteBlocks }

// WriteBlocksOf returns a store's, nil if its service has no such rules.
func WriteBlocksOf(store any) WriteBlocks {
	if b, ok := store.(WriteBlocker); ok {
		return b.WriteBlocks()
	}
	return nil
}
