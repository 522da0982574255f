module kubernetes-emerging/lab/wasm

go 1.24.0
