// Package amazon is Amazon S3 as its documentation and its recorded answers have
// it, for tests: a program under test is run as its users run it, with nothing
// configured but a region, and is held to Amazon's rules.
//
// A [Server] is an HTTP CONNECT proxy on loopback that ends the connections to
// Amazon's hosts itself, under certificates of its own authority, and refuses all
// others. Behind it lie rules, each with its source, which RULES.md lists. Bytes,
// versions and locks are kept by real S3 servers, one per region; what those lack
// or do otherwise, such as a bucket's settings and everything about identities, is
// held in memory.
//
//	server := amazon.Start(t, amazon.Options{Users: []amazon.User{{Name: "mover", Policy: policy}}})
//	command.Env = append(command.Env, server.Env("mover")...)
//	... run it ...
//	if denied := server.Denied("mover"); len(denied) > 0 {
//		t.Errorf("denied: %v", denied)
//	}
package amazon
