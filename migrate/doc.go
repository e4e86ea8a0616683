// Package migrate carries out a plan: it copies, verifies, erases the source on proof,
// and certifies what was done.
//
// A run is its phases in order: copy (copying.go), as long as others write to the source a
// further pass (changes.go), the gate (gate.go), erase (erase.go), certify (certify.go). They
// alone write the result; what they do is done by packages that are given a run, the record
// in the state and the stores, and return values:
//
//	segment      copies and erases one segment, here or in another process
//	changes      what others did to the source: drift, the next pass, outdated copies
//	probe        experiments on the two ends
//	reserve      keeps other plans and other runs off
//	destination  the destination's buckets and their settings
//	writeblock   denies writes to the source
//	undo         takes back what a plan wrote
package migrate
