// Package simulation runs whole migrations in a world of its own: stores in
// memory, a disk that forgets what was not synced, a clock that nobody waits
// for, users who go on writing at both ends, and services and networks that
// fail in every way that they are known to fail.
//
// One seed is one world, and the same seed is the same world again. The process
// under test is the real code, reached through the public interface of package
// migrate. All that it asks of the world waits at a scheduler, which lets one
// request go at a time, decides what goes wrong with it, and may end the
// process there; then the same command is given again, until the migration has
// ended.
//
// Worlds differ, by the seed's dice, in what goes on in them: services and their
// habits; two processes of one plan at a time, one of which stands still, or loses
// sight of its state and of nothing else; several operators with plans of the same
// source, in one state or in several, of one customer or of two; states that come
// back as they were; two ends that are one, or repeat what is done at the other, at
// once or later; people who make or change the destination's buckets between plan
// and run, and who write over what is being erased; listings without an end; and
// deletions that are acknowledged and not done.
//
// An [oracle], which shares no code with what it judges, is told of every
// version that comes to be or ceases to at either end, and holds it against the
// laws of the design at that moment: nothing is lost, only proof deletes,
// exactly that version, never overwrite, nothing of others touched.
//
// The oracle itself is tried with bugs: each file in testdata/planted is a change
// of the product that is made while a test binary is built, and must be caught.
package simulation
