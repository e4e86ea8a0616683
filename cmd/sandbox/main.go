// Command sandbox runs real S3 servers on this machine's loopback, one process
// per region, with sample customers in them, for trying and testing residency; and, if
// asked for, stand-ins for Azure and Google Cloud.
//
// It is a module of its own, so that the server's dependencies are nobody
// else's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `sandbox runs real S3 servers on loopback, one per region, with sample customers.

usage:
  sandbox up [flags] [-- COMMAND ARGS…]   start, seed, print how to use it, wait
                                          (or run COMMAND with its environment)
  sandbox help

It stops on SIGINT and SIGTERM, and when its parent goes if told so.

flags of up:
  -dir DIR               where the servers keep their data (default: a temporary
                         directory, removed at the end)
  -samples=false         do not seed the sample customers
  -scale N               N times as many plain objects in acme-prod (default 1)
  -regions A,B           the regions (default: five of them)
  -azure, -gcs           also stand-ins for Azure Blob Storage and Google Cloud Storage, written
                         from their documents, with data of acme's in the United States; what is in
                         them is gone at the end
  -exit-on-stdin-close   stop when standard input ends
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exitError carries the exit code of a command that was run.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var err error
	switch {
	case len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help":
		fmt.Fprint(stdout, usage)
		return 0
	case args[0] == "up":
		err = up(ctx, args[1:], stdin, stdout, stderr)
	case args[0] == "serve":
		err = serve(ctx, args[1:], stdin)
	default:
		fmt.Fprintf(stderr, "sandbox: unknown command %q\n\n%s", args[0], usage)
		return 2
	}
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.Is(err, flag.ErrHelp):
		return 2
	}
	fmt.Fprintln(stderr, "sandbox:", err)
	return 1
}
