//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// multiply makes a bucket's first object into so many, by files. A server that
// keeps an object as a file, and what it knows of it in the file's extended
// attributes, cannot tell them from objects that were put; a million PUTs would
// take longer than all that is measured of them.
func multiply(ctx context.Context, bucket string, objects int) error {
	first := filepath.Join(bucket, keyOf(0))
	body, err := os.ReadFile(first)
	if err != nil {
		return err
	}
	attributes, err := attributesOf(first)
	if err != nil {
		return err
	}
	return parallel(ctx, objects, 8, func(i int) error {
		if i == 0 {
			return nil
		}
		path := filepath.Join(bucket, keyOf(i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, body, 0o644); err != nil {
			return err
		}
		for name, value := range attributes {
			if err := syscall.Setxattr(path, name, value, 0); err != nil {
				return fmt.Errorf("set %s of %s: %w", name, path, err)
			}
		}
		return nil
	})
}

// attributesOf reads a file's extended attributes.
func attributesOf(path string) (map[string][]byte, error) {
	names := make([]byte, 64<<10)
	n, err := syscall.Listxattr(path, names)
	if err != nil {
		return nil, err
	}
	attributes := make(map[string][]byte)
	for name := range bytes.SplitSeq(names[:n], []byte{0}) {
		if len(name) == 0 {
			continue
		}
		value := make([]byte, 64<<10)
		size, err := syscall.Getxattr(path, string(name), value)
		if err != nil {
			return nil, err
		}
		attributes[string(name)] = value[:size]
	}
	if len(attributes) == 0 {
		return nil, errors.New(path + " has no extended attributes: the server keeps objects in another way")
	}
	return attributes, nil
}
