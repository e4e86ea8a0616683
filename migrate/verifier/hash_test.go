package verifier_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/verifier"
)

// body is a store with one object, which says that it has so many bytes.
type body struct {
	text string
	size int64
}

func (b body) Open(context.Context, objectstore.Ref, int) (*objectstore.Object, error) {
	return &objectstore.Object{Info: objectstore.Info{Size: b.size}, Body: io.NopCloser(bytes.NewBufferString(b.text))}, nil
}

// A checksum of what is read again is as services tell it, and of nothing that is short.
func TestSum(t *testing.T) {
	for algorithm, want := range map[string]string{
		objectstore.MD5: "25f9e794323b453885f5181f1b624d0b", "CRC32C": "4waSgw==", "CRC64NVME": "rosUhgp5mIg=",
		"CRC32": "y/Q5Jg==", "SHA1": "98O8HYCOBHMq32eZZczDTKeuNEE=",
		"SHA256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
	} {
		got, err := verifier.Sum(t.Context(), body{"123456789", 9}, objectstore.Ref{}, algorithm)
		if err != nil || got.Value != want || got.Algorithm != algorithm || !verifier.Sums(algorithm) {
			t.Errorf("%s: %+v, %v; want %s", algorithm, got, err, want)
		}
		if _, err := verifier.Sum(t.Context(), body{"12345678", 9}, objectstore.Ref{}, algorithm); !errors.Is(err,
			io.ErrUnexpectedEOF) {
			t.Errorf("%s of a short answer: %v", algorithm, err)
		}
	}
	if verifier.Sums("CRC-12") {
		t.Error("an algorithm that nobody knows is known")
	}
}
