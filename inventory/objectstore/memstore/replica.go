package memstore

import (
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Replicate puts a copy of another bucket's version on top of a key's history,
// under the version's own ID, as a service's replication does, or any program
// that mirrors. Where there is no such bucket nothing happens.
func (s *Service) Replicate(bucket, key string, v *Version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[bucket]
	if !ok {
		return
	}
	if s.Traits.TrailingMarkers && v.Marker {
		s.shown(bucket, b, key)
		return
	}
	s.remove(bucket, b, key, v.ID)
	s.uncover(bucket, b, key)
	replica := *v
	s.stack(bucket, b, key, &replica)
}

// Unreplicate removes the version with an ID for good, unless it is locked.
func (s *Service) Unreplicate(bucket, key, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[bucket]
	if !ok {
		return
	}
	for _, v := range b.histories[key] {
		if v.ID == id && v.Lock.At(s.Now()) == (objectstore.Lock{}) {
			s.remove(bucket, b, key, id)
			return
		}
	}
}

// stack puts a version that has its ID on top of a history.
func (s *Service) stack(name string, b *container, key string, v *Version) {
	v.Modified = s.Now().UTC().Truncate(time.Millisecond)
	v.place = s.next()
	b.add(key, v)
	s.change(name, key, v, false)
}
