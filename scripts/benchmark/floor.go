//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/base64"
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
	reads, writes := f.String("reads", "", ""), f.String("writes", "", "") // kinds of service
	from, to := f.String("from", "", ""), f.String("to", "", "")
	n, workers := f.Int("n", 0, ""), f.Int("workers", 32, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	c := credentials{os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")}
	a, b := newEndpoint(*source, sourceRegion, c, *workers), newEndpoint(*destination, destinationRegion, c, *workers)
	each := func(i int) error { return relayed(ctx, a, b, "/"+*from+"/"+keyOf(i), "/"+*to+"/"+keyOf(i)) }
	var target store = b
	if *reads != "" || *writes != "" {
		origin, err := opened(service(*reads), a)
		if err != nil {
			return err
		}
		if target, err = opened(service(*writes), b); err != nil {
			return err
		}
		each = func(i int) error {
			data, err := origin.get(ctx, *from, keyOf(i))
			if err != nil {
				return err
			}
			return target.put(ctx, *to, keyOf(i), data, int64(len(data)), 0)
		}
	}
	if err := target.createBucket(ctx, *to, false); err != nil {
		return err
	}
	return parallel(ctx, *n, *workers, each)
}

// opened is what answers at an S3 endpoint's address instead of S3, if it is another kind. An account
// and its key are those of the environment.
func opened(kind service, e *endpoint) (store, error) {
	switch kind {
	case "":
		return e, nil
	case azurite, strictAz:
		key, err := base64.StdEncoding.DecodeString(os.Getenv("AZURE_STORAGE_KEY"))
		return newBlobs(e.url, os.Getenv("AZURE_STORAGE_ACCOUNT"), key), err
	case fakeGCS, strictGo:
		return newObjects(e.url, e.region), nil
	}
	return nil, fmt.Errorf("no server %q", kind)
}

// relayed reads an object and writes it while it comes; a small one in one piece.
func relayed(ctx context.Context, a, b *endpoint, from, to string) error {
	resp, err := a.do(ctx, "GET", from, nil, nil, 0)
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
	answer, err := b.do(ctx, "PUT", to, nil, body, size)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
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
