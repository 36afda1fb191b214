"""Pretrained encoders in place of the paper's features, in Hugging Face's layout or ONNX.

Encoders are frozen. `choice` says which one and what is taken of it, and `encoder_files` what files
it consists of; neither imports a framework. `opening.open_encoder` reads it. What runs it is a
network, of a folder (`hugging_face`) or of a file (`onnx_file`); `sound_encoder`, `word_encoder`
and `picture_encoder` cut, batch, pool and align around it, the same for both.
"""
