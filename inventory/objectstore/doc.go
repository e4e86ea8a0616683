// Package objectstore is what residency asks of a store of objects: to list
// entries, read them, write them under a guard, and delete exactly one version.
//
// An entry is one version of an object or one delete marker. One package per
// provider beneath this one implements [Store]; consumers take the smallest of
// the interfaces here that serves them. A [Provider] hands out stores; what a
// service does by its own word are its [Capabilities], and what only some offer are
// interfaces of their own. Package kind opens providers.
//
// Errors of every provider wrap one of the sentinels of this package where a
// caller decides on them, and never carry an object's key in their text: keys
// may be personal data.
package objectstore
