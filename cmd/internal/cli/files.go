package cli

import (
	"fmt"

	"github.com/residency/residency/migrate/limit"
)

const (
	ownFiles   = 32  // the process's own: the state, its lease, what is read beside objects
	leastFiles = 64  // with which anything can be done
	allListers = 80  // requests of one listing at once
	listings   = 8   // under way at once
	idle       = 256 // connections that wait for the next request
	moreFiles  = "raise it: ulimit -n 1024, LimitNOFILE= of a systemd unit, --ulimit nofile= of a container"
)

// share is how many connections each of two ends may have, of all that the process may
// open; 0 if that is not bounded.
type share int

// ownShare is that of this process.
func ownShare() (share, error) {
	files := openFiles()
	switch {
	case files == 0:
		return 0, nil
	case files < leastFiles:
		return 0, &usageError{err: fmt.Errorf("this process may open only %d files and connections at once; it needs %d",
			files, leastFiles), remedy: moreFiles}
	}
	return share((files - ownFiles) / 2), nil
}

func (s share) most(n int) int {
	if s == 0 {
		return n
	}
	return min(n, int(s))
}

// listers are the requests of one listing at once.
func (s share) listers() int {
	if s == 0 {
		return allListers
	}
	return min(allListers, max(int(s)/listings, 1))
}

// bounded are as many workers as are asked for, or fewer where each could not have a
// connection to either end; most is how many there may be if they find themselves (0).
func (a *app) bounded(asked int) (workers, most int, err error) {
	s, err := ownShare()
	if err != nil {
		return 0, 0, err
	}
	workers, most = s.most(asked), s.most(limit.MostWorkers)
	if workers < asked || asked == 0 && most < limit.MostWorkers {
		a.reporter().Note(fmt.Sprintf("at most %d entries are copied at once, each of which takes two connections: this "+
			"process may open %d files and connections (%s)", most, openFiles(), moreFiles))
	}
	return workers, most, nil
}
