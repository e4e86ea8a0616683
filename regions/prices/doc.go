// Package prices is what storage services charge by their published lists: a small table
// that is built into the program, and a file of the user's own that goes before it. Each
// row says where it is from, as of when, and whether that was read or only recalled.
//
// What has no row has no price: it is unknown, never free.
package prices
