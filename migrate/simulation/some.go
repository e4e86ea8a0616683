package simulation

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"github.com/residency/residency/inventory/objectstore/memstore"
)

// said is what writers have said of their bytes, where the service copies some versions by itself: of
// some the MD5, of some another, of some nothing.
func (w *world) said() func(*memstore.Version) string {
	if !w.options.some {
		return nil
	}
	return func(v *memstore.Version) string {
		h := fnv.New64a()
		_, _ = h.Write(binary.LittleEndian.AppendUint64(v.SHA256[:], w.Seed)) // a hash's Write never fails
		_, _ = h.Write([]byte(v.ID))
		switch n := h.Sum64() % 10; {
		case n < 6:
			return fmt.Sprintf("%x", v.MD5())
		case n < 8:
			return fmt.Sprintf("%x", md5.Sum([]byte("another")))
		}
		return ""
	}
}

// arrives is what a service has of bytes that it reads by itself: now and then one is another.
func arrives(d *dice) func([]byte) []byte {
	return func(data []byte) []byte {
		if len(data) == 0 || !d.one(0.1) {
			return data
		}
		data = bytes.Clone(data)
		data[d.below(len(data))] ^= 0x20
		return data
	}
}
