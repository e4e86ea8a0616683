package objectstore_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

// TestBodiesThatAreClosed: the connection looks behind the last byte while the answer is read
// already, and closes itself at an error.
func TestBodiesThatAreClosed(t *testing.T) {
	for _, read := range []int64{2, 4} {
		b := objectstore.NewSentBody(strings.NewReader("text and more"), 4)
		text, err := io.ReadAll(io.LimitReader(b, read))
		if err != nil || string(text) != "text"[:read] {
			t.Errorf("%q, %v", text, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		want := http.ErrBodyReadAfterClose
		if read == 4 {
			want = io.EOF
		}
		if n, err := b.Read(make([]byte, 4)); n != 0 || !errors.Is(err, want) {
			t.Errorf("behind %d of 4 bytes: %d, %v", read, n, err)
		}
		if b.Failure() != nil {
			t.Errorf("behind %d of 4 bytes: %v counts as the bytes' own", read, b.Failure())
		}
	}
}
