package s3store_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
)

// Of an object that comes where annotations were asked for, no more is taken
// than it takes to see that it is no list.
func TestAnnotationsOfALargeObject(t *testing.T) {
	const size = 64 << 20
	for what, piece := range map[string]string{"bytes": "\x00\xff\x01\xfe", "text": "1234", "markup": "<a/>"} {
		t.Run(what, func(t *testing.T) {
			sent := make(chan int, 1)
			s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				n := 0
				for block := bytes.Repeat([]byte(piece), 64<<10/len(piece)); n < size; n += len(block) {
					if _, err := w.Write(block); err != nil {
						break
					}
				}
				sent <- n
			})
			if n, err := s.Annotations(t.Context(), objectstore.Ref{Bucket: "b", Key: "k"}); !errors.Is(err,
				objectstore.ErrNotOffered) {
				t.Errorf("%d, %v", n, err)
			}
			if n := <-sent; n > size/2 {
				t.Errorf("%d bytes were taken", n)
			}
		})
	}
}
