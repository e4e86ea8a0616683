// Command residency says where customers' data is and under whose law, moves
// it to another region, and proves that nothing was lost or left behind.
package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/residency/residency/cmd/internal/cli"
)

func main() {
	// A reader that has gone is an error of the write, after which a run stops cleanly.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(cli.Main(context.Background(), cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Args[1:],
		os.Getenv, signals, sync.OnceFunc(authorities)))
}
