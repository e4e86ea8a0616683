// Package google is Google Cloud Storage as its documentation has it, for tests: its JSON
// API, and of its XML API the uploads by parts.
//
// A [Server] keeps buckets in memory and is strict: a parameter, a header or a field of
// JSON that it does not know is refused, so that a client which relies on something else
// than what stands here fails. Each rule names the page that it is taken from; nothing here
// was seen at the service itself.
//
//	server := google.Start(t, google.Options{})
//	server.MakeBucket(google.Bucket{Name: "source", Location: "US-EAST1", Versioning: true})
//	... have a store at server.URL ...
package google
