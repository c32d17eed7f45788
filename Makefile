# The front door. `make demo` and `make check` each work alone on a fresh Debian 12 or 13.
# The build itself is meson.build; what each target does is in tools/.
MAKEFLAGS += --no-print-directory
ARGS ?=

help:
	@echo 'make demo     the main job, narrated: a model declared, tested, labelled, deployed, traced (ARGS="--lang ar")'
	@echo 'make serve    the same servers, kept up for a browser'
	@echo 'make check    every test and guard'
	@echo 'make build    the program, at build/amane'
	@echo 'make deb      the Debian package, in build/deb'
	@echo 'also: setup deb-check bench soak fuzz tsan mutate format lint clean'

demo: build
	@build/amane demo $(ARGS)

serve: build
	@build/amane demo --serve $(ARGS)

build: setup-build
	@tools/configure.sh build
	@ninja -C build

check: setup
	@tools/check.sh

setup:
	@tools/setup.sh check

setup-build:
	@tools/setup.sh build

deb: build
	@tools/deb.sh

deb-check: build
	@tools/deb_check.sh

bench: build
	@tools/setup.sh check
	@tools/bench.sh $(ARGS)

soak: build
	@tools/soak.sh $(ARGS)

fuzz: setup
	@tools/fuzz.sh -t 60 $(ARGS)

mutate: setup
	@tools/mutate.sh all

tsan: setup
	@tools/configure.sh build-tsan tsan
	@ninja --quiet -C build-tsan
	@TSAN_OPTIONS=die_after_fork=0 meson test -C build-tsan --no-rebuild --suite unit -t 5 --print-errorlogs

format: setup
	@tools/format.sh

lint: setup
	@tools/lint.sh

clean:
	rm -rf build build-san build-tsan build-fuzz build-lint

.PHONY: help demo serve build check setup setup-build deb deb-check bench soak fuzz tsan mutate format lint clean
