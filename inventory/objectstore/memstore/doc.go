// Package memstore is an object store in memory with S3's semantics: histories,
// delete markers and null versions, conditional writes and deletions, multipart
// uploads with their part boundaries, checksums, tags, locks, settings, and
// server-side copies.
//
// It stands in for a service in simulations, which look at millions of
// requests; its own tests hold it against a real server. [Traits] are the ways
// in which services differ that matter to a migration. It starts no goroutine
// and reads no clock but the one it is given.
package memstore
