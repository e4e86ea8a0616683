package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// Ports are taken from below those that Linux gives to outgoing connections (32,768
// and up, net.ipv4.ip_local_port_range): one of these can be lost between the moment
// when it is found free and the server's start, and the health of whoever has it then
// is taken for ours.
const firstPort, endPort = 20000, 30000

// reservePort finds a free port of this machine and keeps every other sandbox from it
// until the file is closed.
func reservePort() (addr string, reserved *os.File, err error) {
	dir := filepath.Join(os.TempDir(), "residency-sandbox-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	for range 200 {
		port := strconv.Itoa(firstPort + rand.IntN(endPort-firstPort))
		f, err := os.OpenFile(filepath.Join(dir, port), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return "", nil, err
		}
		if err := lockFile(f); err != nil {
			_ = f.Close()
			continue // another sandbox has it
		}
		addr := net.JoinHostPort("127.0.0.1", port)
		l, err := net.Listen("tcp", addr)
		if err == nil {
			err = l.Close()
		}
		if err == nil {
			return addr, f, nil
		}
		if err := f.Close(); err != nil {
			return "", nil, err
		}
		if !errors.Is(err, errInUse) {
			return "", nil, err
		}
	}
	return "", nil, fmt.Errorf("no port from %d to %d is free", firstPort, endPort-1)
}
