/* A pretended libnvidia-ml.so.1 for the tests: the real binding (nvidia-ml-py) loads it as a driver's.
 *
 *   FAKE_NVML             what the machine has:
 *     four                  four GPUs of different kinds (the default)
 *     eight                 eight of one kind
 *     none                  a driver without a GPU
 *     mig                   an A100 split into two MIG devices, and a whole GPU
 *     mig-empty             an A100 with MIG on and no MIG device
 *     unified               a GB10, whose memory is the host's: no memory figures
 *     closed                four GPUs, of which GPU 1 may not be opened (no permission)
 *     mismatch              the library and the kernel's driver differ: nvmlInit fails
 *     forbidden             nvmlInit fails for want of permission
 *     odd                   figures that make no sense, a name that is no UTF-8, an unnamed error
 *   FAKE_NVML_LOST        INDEX:PATH: that GPU is lost from when the file PATH exists; it answers
 *                         again only after a new nvmlInit without the file
 *   FAKE_NVML_LOST_AFTER  INDEX:CALLS: that GPU is lost after so many calls
 *   FAKE_NVML_DROPS_LOST  when set, a new nvmlInit no longer counts what is lost
 *   FAKE_NVML_PID         a process that computes on GPU 0 with 3 GiB, beside pid 1 with 1 GiB
 *
 * Compiled with -DOLD_DRIVER it lacks the functions that a driver of 2019 lacks.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NO_PERMISSION = 4,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    GPU_IS_LOST = 15,
    LIB_RM_VERSION_MISMATCH = 18,
    NOT_READY = 27,
};

#define GIB (1ULL << 30)
#define NOT_AVAILABLE (~0ULL)
#define MOST 8

typedef struct Device {
    const char *name, *uuid;
    unsigned long long used, total; /* total 0: not supported */
    unsigned busy, celsius, milliwatts, limit;
    int is_mig, mig_on, mig_count, closed;
    struct Device *parts;
    int calls, lost;
} Device;

typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned version, sensor; int temperature; } Temperature;
typedef struct { unsigned pid; unsigned long long used; unsigned instance, compute; } Process;

static Device four[] = {
    {"NVIDIA H100 80GB HBM3", "GPU-aaaaaaaa-0000-4000-8000-000000000000", 41 * GIB, 80 * GIB, 97, 61, 611500, 700000},
    {"NVIDIA A100-SXM4-40GB", "GPU-bbbbbbbb-1111-4000-8000-000000000000", 3 * GIB, 40 * GIB, 0, 34, 58200, 400000},
    {"NVIDIA GeForce RTX 4090", "GPU-cccccccc-2222-4000-8000-000000000000", 22 * GIB, 24 * GIB, 100, 78, 447000, 450000},
    {"Tesla T4", "GPU-dddddddd-3333-4000-8000-000000000000", 1 * GIB, 15 * GIB, 7, 45, 27900, 70000},
};

static char eight_uuids[MOST][48];
static Device eight[MOST];

static Device slices[] = {
    {"NVIDIA A100-SXM4-40GB MIG 1g.5gb", "MIG-eeeeeeee-4444-5000-8000-000000000000", 1 * GIB, 5 * GIB, .is_mig = 1},
    {"NVIDIA A100-SXM4-40GB MIG 2g.10gb", "MIG-eeeeeeee-5555-5000-8000-000000000000", 6 * GIB, 10 * GIB, .is_mig = 1},
};

static Device mig[] = {
    {"NVIDIA A100-SXM4-40GB", "GPU-bbbbbbbb-1111-4000-8000-000000000000", 7 * GIB, 40 * GIB, 0, 51, 130000, 400000,
     .mig_on = 1, .mig_count = 2, .parts = slices},
    {"NVIDIA H100 80GB HBM3", "GPU-aaaaaaaa-0000-4000-8000-000000000000", 41 * GIB, 80 * GIB, 97, 61, 611500, 700000},
};

static Device mig_empty[] = {
    {"NVIDIA A100-SXM4-40GB", "GPU-bbbbbbbb-1111-4000-8000-000000000000", 1 * GIB, 40 * GIB, 0, 51, 130000, 400000,
     .mig_on = 1},
};

static Device unified[] = {
    {"NVIDIA GB10", "GPU-ffffffff-6666-4000-8000-000000000000", 0, 0, 55, 58, 32000, 0},
};

static Device odd[] = {
    {"NVIDIA \xae", "GPU-12121212-7777-4000-8000-000000000000", 9 * GIB, 8 * GIB, 4294967295u, 40, 10000, 0},
    {"NVIDIA L4", "GPU-34343434-8888-4000-8000-000000000000", 2 * GIB, 24 * GIB, 50, 60, 0, 0},
};

static int inits;
static Device *devices[MOST];
static int count;

static const char *scenario(void) {
    const char *name = getenv("FAKE_NVML");
    return name ? name : "four";
}

static int is(const char *name) { return !strcmp(scenario(), name); }

/* INDEX:REST of a variable; -1 when it is not set. */
static int named(const char *variable, const char **rest) {
    const char *value = getenv(variable), *colon = value ? strchr(value, ':') : NULL;
    *rest = colon ? colon + 1 : "";
    return colon ? atoi(value) : -1;
}

static void choose(Device **table, int *size) {
#define TABLE(t) (*table = t, *size = (int)(sizeof t / sizeof *t))
    if (is("none")) *size = 0;
    else if (is("mig")) TABLE(mig);
    else if (is("mig-empty")) TABLE(mig_empty);
    else if (is("unified")) TABLE(unified);
    else if (is("odd")) TABLE(odd);
    else if (is("eight")) {
        for (int at = 0; at < MOST; at++) {
            snprintf(eight_uuids[at], sizeof eight_uuids[at], "GPU-8888888%d-0000-4000-8000-000000000000", at);
            eight[at] = (Device){"NVIDIA B200", eight_uuids[at], (20ULL * at + 4) * GIB, 180 * GIB, 12u * (unsigned)at, 40u + (unsigned)at, 900000, 1000000};
        }
        TABLE(eight);
    } else {
        four[1].closed = is("closed");
        TABLE(four);
    }
}

static int lost_now(int index) {
    const char *path;
    if (named("FAKE_NVML_LOST", &path) == index && !access(path, F_OK)) return 1;
    return 0;
}

static void enumerate(void) {
    Device *table = NULL;
    int size = 0;
    choose(&table, &size);
    count = 0;
    for (int at = 0; at < size; at++) {
        table[at].lost = lost_now(at);
        table[at].calls = 0;
        if (!(table[at].lost && getenv("FAKE_NVML_DROPS_LOST"))) devices[count++] = &table[at];
    }
}

/* Whether a device answers at all. */
static int reach(Device *device) {
    Device *table = NULL;
    const char *rest;
    int size = 0;
    if (!inits) return UNINITIALIZED;
    choose(&table, &size);
    for (int at = 0; at < size; at++) {
        if (device != &table[at]) continue;
        int after = named("FAKE_NVML_LOST_AFTER", &rest);
        if (++device->calls && after == at && device->calls > atoi(rest)) device->lost = 1;
        if (lost_now(at)) device->lost = 1;
    }
    return device->lost ? GPU_IS_LOST : SUCCESS;
}

#define REACH(device)                     \
    do {                                  \
        int reached = reach(device);      \
        if (reached) return reached;      \
    } while (0)

static int text(const char *from, char *to, unsigned size) {
    if (strlen(from) >= size) return INSUFFICIENT_SIZE;
    strcpy(to, from);
    return SUCCESS;
}

/* --- the driver ------------------------------------------------------------------------------- */

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    if (is("mismatch")) return LIB_RM_VERSION_MISMATCH;
    if (is("forbidden")) return NO_PERMISSION;
    if (!inits++) enumerate();
    return SUCCESS;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
    if (!inits) return UNINITIALIZED;
    inits--;
    return SUCCESS;
}

const char *nvmlErrorString(int code) { return code == NOT_READY ? "Not Ready" : "Some Error"; }

int nvmlSystemGetDriverVersion(char *version, unsigned size) {
    return inits ? text("580.95.05", version, size) : UNINITIALIZED;
}

int nvmlDeviceGetCount_v2(unsigned *found) {
    if (!inits) return UNINITIALIZED;
    *found = (unsigned)count;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
    if (!inits) return UNINITIALIZED;
    if (index >= (unsigned)count) return INVALID_ARGUMENT;
    *device = devices[index];
    if ((*device)->closed) return NO_PERMISSION;
    return reach(*device);
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Device **device) {
    if (!inits) return UNINITIALIZED;
    for (int at = 0; at < count; at++) {
        Device *whole = devices[at];
        for (int part = -1; part < whole->mig_count; part++) {
            *device = part < 0 ? whole : &whole->parts[part];
            if (!strcmp((*device)->uuid, uuid)) return reach(*device);
        }
    }
    return NOT_FOUND;
}

/* --- one device ------------------------------------------------------------------------------- */

int nvmlDeviceGetName(Device *device, char *name, unsigned size) {
    REACH(device);
    return text(device->name, name, size);
}

int nvmlDeviceGetUUID(Device *device, char *uuid, unsigned size) {
    REACH(device);
    return text(device->uuid, uuid, size);
}

int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    REACH(device);
    if (!device->total) return NOT_SUPPORTED;
    *memory = (Memory){device->total, device->total - device->used, device->used + GIB / 2};
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(Device *device, Utilization *rates) {
    REACH(device);
    if (device->is_mig || device->mig_on) return NOT_SUPPORTED;
    *rates = (Utilization){device->busy, 0};
    return SUCCESS;
}

int nvmlDeviceGetTemperature(Device *device, unsigned sensor, unsigned *celsius) {
    REACH(device);
    if (device->is_mig || sensor) return INVALID_ARGUMENT;
    *celsius = device->celsius;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(Device *device, unsigned *milliwatts) {
    REACH(device);
    if (device->is_mig) return NOT_SUPPORTED;
    if (!device->milliwatts) return NOT_READY;
    *milliwatts = device->milliwatts;
    return SUCCESS;
}

int nvmlDeviceGetEnforcedPowerLimit(Device *device, unsigned *milliwatts) {
    REACH(device);
    if (!device->limit) return NOT_SUPPORTED;
    *milliwatts = device->limit;
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v2(Device *device, unsigned *size, Process *processes) {
    const char *pid = getenv("FAKE_NVML_PID");
    REACH(device);
    if (is("unified")) return NOT_SUPPORTED;
    if (device != devices[0] || !pid) {
        *size = 0;
        return SUCCESS;
    }
    if (*size < 3 || !processes) {
        *size = 3;
        return INSUFFICIENT_SIZE;
    }
    *size = 3;
    processes[0] = (Process){(unsigned)atoi(pid), 3 * GIB, 0, 0};
    processes[1] = (Process){1, 1 * GIB, 0, 0};
    processes[2] = (Process){2, NOT_AVAILABLE, 0, 0};
    return SUCCESS;
}

#ifndef OLD_DRIVER

int nvmlDeviceGetMemoryInfo_v2(Device *device, MemoryV2 *memory) {
    REACH(device);
    if (!device->total) return NOT_SUPPORTED;
    *memory = (MemoryV2){memory->version, device->total, GIB / 2, device->total - device->used, device->used};
    return SUCCESS;
}

int nvmlDeviceGetTemperatureV(Device *device, Temperature *temperature) {
    REACH(device);
    if (device->is_mig) return INVALID_ARGUMENT;
    temperature->temperature = (int)device->celsius;
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *size, Process *processes) {
    return nvmlDeviceGetComputeRunningProcesses_v2(device, size, processes);
}

int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending) {
    REACH(device);
    if (!device->mig_on) return NOT_SUPPORTED;
    *current = *pending = 1;
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *most) {
    REACH(device);
    *most = device->mig_on ? 7 : 0;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned index, Device **part) {
    REACH(device);
    if (index >= (unsigned)device->mig_count) return NOT_FOUND;
    *part = &device->parts[index];
    return SUCCESS;
}

#endif
