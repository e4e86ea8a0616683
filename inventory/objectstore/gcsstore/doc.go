// Package gcsstore is Google Cloud Storage as residency asks for it, over its JSON API,
// and its XML API for uploads by parts, of which the other has none.
//
// A version's ID is its generation, which every object has, in buckets without versions
// too. Its ETag is the generation and the metageneration, and so differs whenever the
// bytes or the metadata do. There are no delete markers: a key without a live version is
// listed with one that is made up, see [Store.Versions].
package gcsstore
