//go:build race

package listing_test

// raced tells that the race detector is on, which makes all of it many times slower.
const raced = true
