package simulation

import (
	"context"

	"github.com/residency/residency/migrate/state"
)

// queue is a home whose writers line up by the names of their files, so that
// which of them makes the directories is the seed's choice.
type queue struct {
	state.Home
	process *process
}

func (q queue) Put(ctx context.Context, name string, data []byte) error {
	q.process.world.scheduler.wait(&request{process: q.process, kind: kindQueue, name: "state " + name})
	return q.Home.Put(ctx, name, data)
}

func (q queue) PutIfAbsent(ctx context.Context, name string, data []byte) error {
	q.process.world.scheduler.wait(&request{process: q.process, kind: kindQueue, name: "state " + name})
	return q.Home.PutIfAbsent(ctx, name, data)
}
