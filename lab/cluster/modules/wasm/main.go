// Command wasm is the module of the image wasm-demo: it says which system it was built for and runs on, then gives a
// sign of life every ten seconds. Only a WASM runtime can make it print its first line.
//
// With HOG set in its environment it takes memory until it is stopped, to show that a pod's limit holds for a module.
// With END set it ends after its first line, with that exit code.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

const (
	beat  = 10 * time.Second
	chunk = 4 << 20
	page  = 4 << 10
)

func main() {
	fmt.Printf("hello from %s %s\n", runtime.GOOS, runtime.GOARCH)
	if os.Getenv("HOG") != "" {
		hog()
	}
	if end := os.Getenv("END"); end != "" {
		code, err := strconv.Atoi(end)
		if err != nil {
			code = 2
		}
		os.Exit(code)
	}
	for count := 1; ; count++ {
		time.Sleep(beat)
		fmt.Printf("heartbeat %d\n", count)
	}
}

// hog takes memory a chunk at a time and writes to every page of it, for what is not written to takes none.
func hog() {
	var held [][]byte
	for {
		taken := make([]byte, chunk)
		for at := 0; at < chunk; at += page {
			taken[at] = 1
		}
		held = append(held, taken)
		fmt.Printf("holding %d MiB\n", len(held)*chunk>>20)
	}
}
