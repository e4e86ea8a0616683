//go:build linux

package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
)

// keyOf names a workload's object: a thousand to a folder, as no tool has to
// be told how to list.
func keyOf(i int) string { return fmt.Sprintf("data/%04d/object-%07d.bin", i/1000, i) }

// floor is the least that a copy can be: so many workers that GET and PUT, and
// know beforehand what there is. It runs as a process of its own.
func floor(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("floor", flag.ContinueOnError)
	source, destination := f.String("source", "", ""), f.String("destination", "", "")
	from, to := f.String("from", "", ""), f.String("to", "", "")
	n, workers := f.Int("n", 0, ""), f.Int("workers", 32, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	c := credentials{os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")}
	a, b := newEndpoint(*source, sourceRegion, c, *workers), newEndpoint(*destination, destinationRegion, c, *workers)
	if err := b.createBucket(ctx, *to, false); err != nil {
		return err
	}
	return parallel(ctx, *n, *workers, func(i int) error {
		path := keyOf(i)
		resp, err := a.do(ctx, "GET", "/"+*from+"/"+path, nil, nil, 0)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		size, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64)
		if err != nil {
			return err
		}
		var body io.Reader = resp.Body
		if size <= 1*mib { // header and body in one write
			data := make([]byte, size)
			if _, err := io.ReadFull(resp.Body, data); err != nil {
				return err
			}
			body = bytes.NewReader(data)
		}
		answer, err := b.do(ctx, "PUT", "/"+*to+"/"+path, nil, body, size)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		return err
	})
}

// parallel calls f for 0 to n-1, so many at once, until one fails.
func parallel(ctx context.Context, n, workers int, f func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				if err := f(i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
