package memstore

import (
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// A service with [Traits].TrailingMarkers has no delete markers. A key whose newest version is
// not current is shown with one on top, as stores of such services do; here it is a version
// like others, that comes and goes with what is beneath it.

// shown is what a deletion that names no version leaves of a key: nil where nothing is current.
func (s *Service) shown(name string, b *container, key string) *Version {
	history := b.histories[key]
	if len(history) == 0 || history[len(history)-1].Marker {
		return nil
	}
	v := &Version{Marker: true, ID: objectstore.MarkerOf(history[len(history)-1].ID)}
	s.stack(name, b, key, v)
	return v
}

// firstStep makes what is current a previous version, where the service needs that before it
// deletes it, and tells whether it ends there.
func (s *Service) firstStep(name string, b *container, key string, i int) bool {
	history := b.histories[key]
	if !s.Traits.TwoSteps || !s.Traits.TrailingMarkers || b.versioning == objectstore.Unversioned ||
		i != len(history)-1 || history[i].Marker {
		return false
	}
	s.show(name, b, key)
	return s.Halfway != nil && s.Halfway()
}

// show has a key shown as deleted that has nothing current any more.
func (s *Service) show(name string, b *container, key string) {
	history := b.histories[key]
	v := &Version{Marker: true, ID: objectstore.MarkerOf(history[len(history)-1].ID)}
	v.Modified, v.place = s.Now().UTC().Truncate(time.Millisecond), s.next()
	b.add(key, v)
	if s.Observe != nil {
		s.Observe(Change{Bucket: name, Key: key, Version: v, Shown: true})
	}
}

// uncover takes away the marker that is only shown, for a version comes on top.
func (s *Service) uncover(name string, b *container, key string) {
	if history := b.histories[key]; s.Traits.TrailingMarkers && len(history) > 0 && history[len(history)-1].Marker {
		s.take(name, b, key, len(history)-1)
	}
}

// unshown has what is shown of a key follow the removal of the version that was at a place.
// None of those that are left becomes current by it.
func (s *Service) unshown(name string, b *container, key string, removed int) {
	history := b.histories[key]
	last := len(history) - 1
	if !s.Traits.TrailingMarkers || b.versioning == objectstore.Unversioned || last < 0 {
		return
	}
	switch marked := history[last].Marker; {
	case marked && removed == last:
		s.take(name, b, key, last)
	case marked || removed <= last:
		return
	}
	if history = b.histories[key]; len(history) == 0 {
		return
	}
	s.show(name, b, key)
}
