package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/merkle"
	"github.com/residency/residency/migrate/record"
)

// indexLines is how many lines a file of the index has at most.
const indexLines = 4096

// IndexFile names the nth file of the index, from 1. They are of the form that sha256sum
// writes and checks.
func IndexFile(n int64) string { return fmt.Sprintf("evidence/%06d.sha256", n) }

// line is a file's line in the index, which is its leaf in the tree.
func line(f certificate.File) string { return f.SHA256 + "  " + f.Name }

// index counts the files of the evidence, and is the tree over their lines.
type index struct {
	tree  merkle.Tree
	bytes int64
}

func (x *index) add(f certificate.File, bytes int64) {
	x.tree.Add([]byte(line(f)))
	x.bytes += bytes
}

func (x *index) evidence() certificate.Evidence {
	root := x.tree.Root()
	return certificate.Evidence{Root: hex.EncodeToString(root[:]), Files: x.tree.Len(), Bytes: x.bytes,
		IndexFiles: (x.tree.Len() + indexLines - 1) / indexLines}
}

// Write takes an account, and writes the index of the evidence beside it. The account has the
// root of a redacted copy too, for which random bytes are kept as its salt.
func Write(ctx context.Context, r *record.Record, random io.Reader) (*Account, error) {
	if err := keepSalt(ctx, r, random); err != nil {
		return nil, err
	}
	salt, err := readSalt(ctx, r)
	if err != nil {
		return nil, err
	}
	w := indexWriter{name: IndexFile, put: func(ctx context.Context, name string, data []byte) error {
		return r.Home.Put(ctx, r.Name(name), data)
	}}
	t := newTaking(r)
	t.tell = func(f certificate.File) error { return w.add(ctx, f) }
	t.redact = newRedactor(salt)
	if err := t.all(ctx); err != nil {
		return nil, err
	}
	t.account.Redacted = t.redact.index.evidence()
	return t.account, w.flush(ctx)
}

// indexWriter writes the files of an index.
type indexWriter struct {
	name     func(n int64) string
	put      func(ctx context.Context, name string, data []byte) error
	text     bytes.Buffer
	lines, n int64
}

func (w *indexWriter) add(ctx context.Context, f certificate.File) error {
	w.text.WriteString(line(f))
	w.text.WriteByte('\n')
	if w.lines++; w.lines%indexLines != 0 {
		return nil
	}
	return w.flush(ctx)
}

func (w *indexWriter) flush(ctx context.Context) error {
	if w.text.Len() == 0 {
		return nil
	}
	w.n++
	err := w.put(ctx, w.name(w.n), bytes.Clone(w.text.Bytes()))
	w.text.Reset()
	return err
}
