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
// An [oracle], which shares no code with what it judges, is told of every
// version that comes to be or ceases to at either end, and holds it against the
// laws of the design at that moment: nothing is lost, only proof deletes,
// exactly that version, never overwrite.
package simulation
